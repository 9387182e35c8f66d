//! The command line, from the outside.

#[path = "support/folder.rs"]
mod folder;

use std::process::{Command, Stdio};

use folder::Folder;

const WATER: &str = "3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.5\n\
                     O 0 0 0 0.1 0.2 0.3\nH 0.76 0.59 0 0 0 0\nH -0.76 0.59 0 0 0 0\n";
const BOX: &str = "2\nLattice=\"5 0 0 0 5 0 0 0 5\" step=7\nH 0 0 0\nH 0 0 0.74\n";

#[test]
fn help_shows_examples_and_goes_to_the_standard_output() {
    let folder = Folder::new();
    assert!(folder.output(&["--help"], "").contains("tumble eval model.onnx water.xyz --rotate octahedral"));
    let help = folder.output(&["eval", "--help"], "");
    for option in [
        "--rotate",
        "--inversion",
        "--seed",
        "--threads",
        "--memory",
        "--forces",
        "--device",
        "--json",
        "--onnxruntime",
    ] {
        assert!(help.contains(option), "{option} is missing in\n{help}");
    }
    assert!(folder.output(&["info", "--help"], "").contains("tumble info model.onnx --json"));
}

#[test]
fn usage_errors_end_with_2() {
    let folder = Folder::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["eval", "model.onnx"],
        &["eval", "model.onnx", "x.xyz", "--forces", "magic"],
        &["eval", "model.onnx", "x.xyz", "--threads", "0"],
        &["eval", "model.onnx", "x.xyz", "--seed", "-1"],
    ] {
        folder.failure(2, arguments, "");
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let folder = Folder::new();
    let error = folder.failure(1, &["eval", "model.onnx", "no.xyz"], "");
    assert!(error.starts_with("error: cannot read no.xyz: "), "{error}");
    let error = folder.failure(1, &["info", "no.onnx"], "");
    assert!(error.starts_with("error: "), "{error}");
}

#[test]
fn an_empty_file_is_an_error() {
    let folder = Folder::new();
    folder.write("empty.xyz", "");
    let error = folder.failure(1, &["eval", "model.onnx", "empty.xyz"], "");
    assert!(error.starts_with("error: empty.xyz holds no structure, the file is empty: "), "{error}");
    let error = folder.failure(1, &["eval", "model.onnx", "-"], "");
    assert!(error.starts_with("error: the standard input holds no structure"), "{error}");
}

#[test]
fn a_broken_line_is_named() {
    let folder = Folder::new();
    folder.write("broken.xyz", &WATER.replace("-0.76", "-0,76"));
    assert_eq!(
        folder.failure(1, &["eval", "model.onnx", "broken.xyz"], ""),
        "error: line 5 of broken.xyz: pos should be a number, but \"-0,76\" was found\n"
    );
}

#[test]
fn the_input_is_not_overwritten() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    assert_eq!(
        folder.failure(2, &["eval", "model.onnx", "water.xyz", "-o", "./water.xyz"], ""),
        "error: the output ./water.xyz is the input itself: give another file to write to\n"
    );
    assert_eq!(folder.read("water.xyz"), WATER);
}

#[test]
fn an_unknown_element_is_named_with_its_frame() {
    let folder = Folder::new();
    let error = folder.failure(1, &["eval", "model.onnx", "-"], &format!("{WATER}1\n\nAr 0 0 0\n"));
    assert!(error.starts_with("error: frame 2 of the standard input: the model "), "{error}");
    assert!(error.contains("does not know element Ar"), "{error}");
}

#[test]
fn frames_of_different_sizes_make_a_table() {
    let folder = Folder::new();
    folder.write("frames.xyz", &format!("{WATER}{BOX}"));
    let output = folder.output(&["eval", "model.onnx", "frames.xyz"], "");
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 7, "{output}");
    let first: Vec<_> = lines[2].split_whitespace().collect();
    assert_eq!([first[0], first[1], first[3], first[5], first[7]], ["1", "3", "-", "-", "1"]);
    assert!(lines[3].starts_with("     2       2  "), "{output}");
    assert!(lines[5].starts_with("2 frames, 5 atoms, 2 evaluations in "), "{output}");
    assert!(lines[6].starts_with("against the energies and forces of the input: force RMSE "), "{output}");
}

#[test]
fn rotations_make_a_spread() {
    let folder = Folder::new();
    let output = folder.output(&["eval", "model.onnx", "-", "--rotate", "tetrahedral"], WATER);
    let row: Vec<_> = output.lines().nth(2).unwrap().split_whitespace().collect();
    assert!(row[3].parse::<f64>().unwrap() >= 0.0 && row[5].parse::<f64>().unwrap() >= 0.0, "{output}");
    assert_eq!(row[7], "12");
    assert!(output.contains("spread over rotations (RMS): energy "), "{output}");
}

#[test]
fn json_has_a_document_a_line() {
    let folder = Folder::new();
    let output = folder.output(&["eval", "model.onnx", "-", "--json"], &format!("{WATER}{BOX}"));
    let documents: Vec<serde_json::Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[1]["frame"], 2);
    assert_eq!(documents[0]["forces"].as_array().unwrap().len(), 3);
    assert_eq!(documents[0]["replica_energies"].as_array().unwrap().len(), 1);
}

#[test]
fn the_output_holds_results_and_what_came_in() {
    let folder = Folder::new();
    folder.write("in.xyz", &format!("{WATER}{BOX}"));
    folder.output(&["eval", "model.onnx", "in.xyz", "-o", "out.xyz"], "");
    let output = folder.read("out.xyz");
    let comment = output.lines().nth(1).unwrap();
    assert!(comment.contains(":ref_forces:R:3:") && comment.contains(" ref_energy=-1.5 energy="), "{comment}");
    let comment = output.lines().nth(6).unwrap();
    assert!(comment.contains(" step=7 ") && comment.contains(" stress=\""), "{comment}");
    let again = folder.output(&["eval", "model.onnx", "out.xyz"], "");
    assert!(again.contains("energy RMSE"), "{again}");
}

#[test]
fn i_pi_files_give_the_same_results_as_extended_xyz() {
    let folder = Folder::new();
    let comment = "# CELL(H): 5 0 0 0 5 0 0 0 5 Step:  7  Bead: 0 positions{angstrom}  cell{angstrom}";
    folder.write("box.xyz", BOX);
    folder.write("ipi.xyz", &BOX.replace("Lattice=\"5 0 0 0 5 0 0 0 5\" step=7", comment));
    for name in ["box", "ipi"] {
        folder.output(&["eval", "model.onnx", &format!("{name}.xyz"), "-o", &format!("{name}-out.xyz")], "");
    }
    assert_eq!(folder.read("ipi-out.xyz").replace(" bead=0", ""), folder.read("box-out.xyz"));
}

#[test]
fn i_pi_files_of_forces_are_refused() {
    let comment = "# CELL(abcABC): 9 9 9 90 90 90 Step: 0 Bead: 0 forces{atomic_unit}  cell{atomic_unit}";
    assert_eq!(
        Folder::new().failure(1, &["eval", "model.onnx", "-"], &format!("1\n{comment}\nH 0 0 0\n")),
        "error: line 2 of the standard input: the comment line announces forces instead of positions: give the file \
         of the positions\n"
    );
}

#[test]
fn info_describes_the_model() {
    let folder = Folder::new();
    let output = folder.output(&["info", "model.onnx"], "");
    for name in ["name", "species", "cutoff", "hops", "reach", "forces", "reference energies", "sha256"] {
        assert!(output.lines().any(|line| line.starts_with(name)), "{name} is missing in\n{output}");
    }
    let document: serde_json::Value =
        serde_json::from_str(&folder.output(&["info", "model.onnx", "--json"], "")).unwrap();
    assert_eq!(document["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(document["symbols"], serde_json::json!(["H", "O"]));
    assert_eq!(document["reach"], 3.5);
    assert_eq!(document["ensemble"], false);
    assert_eq!([&document["layout"], &document["precision"]], ["padded", "float64"]);
}

#[test]
fn every_command_refuses_a_model_of_another_sha256() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let other = "0".repeat(64);
    let commands: [&[&str]; 6] = [
        &["info", "model.onnx"],
        &["eval", "model.onnx", "water.xyz"],
        &["check", "model.onnx", "water.xyz"],
        &["bench", "model.onnx", "water.xyz"],
        &["ipi", "model.onnx", "--template", "water.xyz", "--unix", "nobody"],
        &["serve", "model.onnx", "--listen", "unix:none.sock"],
    ];
    for command in commands {
        let error = folder.failure(1, &[command, &["--sha256", &other]].concat(), "");
        assert!(error.starts_with("error: the model model.onnx has the sha256 "), "{error}");
        assert!(error.contains(&format!(", but {other} was asked for: ")), "{error}");
        let error = folder.failure(2, &[command, &["--sha256", "c0ffee"]].concat(), "");
        assert!(error.contains("is \"c0ffee\": give the 64 hexadecimal digits that tumble info shows"), "{error}");
    }
    let doctor = ["doctor", "--model", "model.onnx", "--sha256", &other];
    let output = String::from_utf8(folder.tumble(&doctor, "").stdout).unwrap();
    assert!(output.contains("the model model.onnx has the sha256 "), "{output}");
    let document: serde_json::Value =
        serde_json::from_str(&folder.output(&["info", "model.onnx", "--json"], "")).unwrap();
    folder.output(&["eval", "model.onnx", "water.xyz", "--sha256", document["sha256"].as_str().unwrap()], "");
}

#[test]
fn a_checksum_is_written_and_checked() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let whole = std::fs::read(folder.path("model.onnx")).unwrap();
    std::fs::write(folder.path("model.onnx"), &whole[..whole.len() - 85]).unwrap();
    let note = "note: the model stores no checksum, so a damaged file would go unnoticed: add one by `tumble checksum \
                model.onnx`\n";
    let output = folder.tumble(&["eval", "model.onnx", "water.xyz"], "");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), note));
    let said = folder.output(&["checksum", "model.onnx"], "");
    assert!(said.starts_with("model.onnx: checksum ") && said.len() == 21 + 65, "{said}");
    assert_eq!(std::fs::read(folder.path("model.onnx")).unwrap(), whole);
    folder.output(&["eval", "model.onnx", "water.xyz"], "");
    let mut damaged = whole;
    let place = damaged.windows(4).position(|part| part == b"Relu").unwrap();
    // Changes the operator to another existing one: Selu.
    damaged[place] ^= 1;
    std::fs::write(folder.path("model.onnx"), damaged).unwrap();
    let error = folder.failure(1, &["eval", "model.onnx", "water.xyz"], "");
    assert!(error.starts_with("error: the model model.onnx is damaged: its stored checksum is "), "{error}");
    assert_eq!(
        folder.failure(1, &["checksum", "nothing.onnx"], ""),
        "error: cannot read nothing.onnx: No such file or directory (os error 2)\n"
    );
}

#[test]
fn files_of_other_programs_are_recognized_with_a_remedy() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    std::fs::write(folder.path("model.ckpt"), b"PK\x03\x04....model/data.pkl").unwrap();
    std::fs::create_dir(folder.path("folder")).unwrap();
    let cases = [
        ("water.xyz", "it holds structures: give the model first and the structures after it"),
        ("folder", "it is a folder: give the .onnx file in it"),
        (
            "model.ckpt",
            "it is a checkpoint of PyTorch: export it, by `tumble-export pet CHECKPOINT -o model.onnx` for metatrain's \
             PET, `tumble-export orb` for Orb, `tumble-export torch` for any other model",
        ),
    ];
    for (file, cause) in cases {
        let error = folder.failure(1, &["info", file], "");
        assert_eq!(error, format!("error: {file} is not an ONNX model: {cause}\n"));
    }
}

#[test]
fn tf32_requires_a_gpu() {
    let error = Folder::new().failure(2, &["eval", "model.onnx", "-", "--tf32"], WATER);
    assert!(error.starts_with("error: tf32 yes is for products on a GPU, but the device is cpu: "), "{error}");
}

#[test]
fn info_shows_an_ensemble() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/models/ensemble-list-f32.onnx");
    let output = Folder::new().output(&["info", model], "");
    assert!(output.lines().any(|line| line.starts_with("ensemble            yes")), "{output}");
}

#[test]
fn info_rounds_numbers_and_json_does_not() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/models/water-pet.onnx");
    let output = Folder::new().output(&["info", model], "");
    assert_holds(&output, &["H -13.6057 eV, O -435.17851 eV\n", "\"energy\":13.4532,\"force\":5.91222}\n", "7.4 Å ("]);
    let json = Folder::new().output(&["info", model, "--json"], "");
    assert_holds(&json, &["\"O\": -435.17850965933445", "\"energy\": 13.453225217448743"]);
}

const QUICK: [&str; 4] = ["--reference", "degree:8", "--orientations", "1"];

/// Arguments of a quick check of the model, and more.
fn check<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["check", "model.onnx"], more, &QUICK].concat()
}

fn assert_holds(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "\"{part}\" is missing in\n{output}");
    }
}

#[test]
fn check_recommends() {
    let folder = Folder::new();
    let output = folder.output(&check(&["-"]), WATER);
    let parts = [
        "reference degree:8+inversion (684 evaluations), checked by degree:5; grids at 1 random orientation(s): ",
        "\nframe 1 ",
        "\noctahedral           no           24 ",
        "\nThe cheapest row below 0.1 meV/atom and 1 meV/Å: icosahedral, 60 evaluation(s) a step, 15.75 with \
         every 4",
        "\n    pair_style tumble rotate icosahedral every 4\n    pair_coeff * * model.onnx O H\n\npair_coeff names the \
         element of each atom type of the data file, type 1 first: here O H, in the order of first occurrence. ASE \
         numbers types alphabetically (H O) unless you name the order: write(\"start.data\", atoms, \
         format=\"lammps-data\", specorder=[\"O\", \"H\"], masses=True).\n",
        "\n    tumble ipi model.onnx --template start.xyz --unix driver --rotate icosahedral\n",
        "\n    pair_style tumble rotate random seed 1\n    fix 2 all langevin 300 300 ",
    ];
    assert_holds(&output, &parts);
    assert!(!output.contains("note: "), "{output}");
}

#[test]
fn check_makes_its_own_water() {
    let output = Folder::new().output(&["check", "model.onnx", "--reference", "degree:3", "--orientations", "1"], "");
    assert_holds(&output, &["\nH2O molecule ", "\nH2O dimer ", "\nliquid, 27 H2O ", "\nice, 8 H2O ", "\nall (rms) "]);
    assert_holds(&output, &["\nnote: errors below "]);
}

#[test]
fn check_gives_one_json_document() {
    let folder = Folder::new();
    folder.write("frames.xyz", &format!("{WATER}{BOX}"));
    let arguments = check(&["frames.xyz", "--json", "--target", "forces=1e6", "--timestep", "0.25"]);
    let document: serde_json::Value = serde_json::from_str(&folder.output(&arguments, "")).unwrap();
    assert_eq!(document["model"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(document["structures"][1]["name"], "frame 2");
    assert_eq!(document["structures"][1]["symmetry"]["atoms"], 2);
    assert_eq!(document["structures"][0]["reference"]["grid"], "degree:8");
    assert_eq!(document["target"], serde_json::json!({ "energy": null, "forces": 1e3 }));
    assert_eq!(document["recommendation"]["rotate"], "none");
    assert_eq!(document["recommendation"]["lammps"], "pair_style tumble rotate none");
    let all = &document["all"];
    let [spread, variance] = [&all["symmetry"]["energy_spread"], &all["spectrum"]["energy"]["variance"]];
    let difference = spread.as_f64().unwrap().powi(2) - variance.as_f64().unwrap();
    assert!(difference.abs() < 1e-9 * variance.as_f64().unwrap(), "{spread} {variance}");
    assert_eq!(all["spectrum"]["forces"]["even"].as_array().unwrap().len(), 5);
    let table = document["table"].as_array().unwrap();
    assert_eq!(table.len(), 18);
    assert_eq!((&table[0]["rotate"], &table[0]["turned"]), (&serde_json::json!("none"), &serde_json::json!("random")));
    // The toy has ℓ = 1, 2 and 4 only.
    let icosahedral = table.iter().find(|row| row["rotate"] == "icosahedral").unwrap();
    assert!(icosahedral["error"]["forces"].as_f64().unwrap() < 1e-9, "{icosahedral}");
}

#[test]
fn check_writes_a_report() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    folder.output(&check(&["water.xyz", "--report", "report.html"]), "");
    let page = folder.read("report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<svg").count(), 6);
    assert!(!page.contains("http") && !page.contains("<script"));
    let error = folder.failure(1, &check(&["water.xyz", "--report", "no/report.html"]), "");
    assert!(error.starts_with("error: cannot write no/report.html: "), "{error}");
}

#[test]
fn check_refuses_bad_structures_and_options() {
    let folder = Folder::new();
    let error = folder.failure(1, &check(&["-"]), "1\n\nAr 0 0 0\n");
    assert!(error.starts_with("error: frame 1 of the standard input: the model "), "{error}");
    assert!(error.contains("does not know element Ar"), "{error}");
    assert_eq!(
        folder.failure(2, &["check", "model.onnx", "--reference", "degree:300"], ""),
        "error: there is no degree grid of order 300: give a whole number from 1 to 101, as in degree:3\n"
    );
    for (option, value, problem) in [
        ("--target", "speed=1", "must be energy=X, in meV/atom, or forces=X, in meV/Å"),
        ("--target", "forces=0", "forces must be a number above 0"),
        ("--reference", "octahedral", "must be degree:N, with N from 2"),
        ("--timestep", "-1", "must be a number above 0"),
        ("--orientations", "0", "must be at least 1"),
    ] {
        let error = folder.failure(2, &["check", "model.onnx", &format!("{option}={value}")], "");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn an_interrupted_check_prints_the_results_so_far() {
    let folder = Folder::new();
    // The second structure takes much longer than the first.
    let line = |i: usize| format!("O {} {} {}\n", 3 * (i / 144), 3 * (i / 12 % 12), 3 * (i % 12));
    let big = format!("1728\nLattice=\"36 0 0 0 36 0 0 0 36\"\n{}", (0..1728).map(line).collect::<String>());
    folder.write("frames.xyz", &format!("{WATER}{big}"));
    let arguments = ["check", "model.onnx", "frames.xyz", "--reference", "degree:14", "--orientations", "1"];
    let child = Command::new(env!("CARGO_BIN_EXE_tumble"))
        .args(arguments)
        .current_dir(folder.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(130), "{stdout}{stderr}");
    // The progress by then depends on the machine; the output must agree with it.
    let told = stdout.contains("\nframe 1 ") && !stdout.contains("\nframe 2 ");
    assert!(told || stderr == "error: interrupted before the first structure was done\n", "{stdout}{stderr}");
}

/// The user's target, time step and temperature appear in all outputs as given.
#[test]
fn check_repeats_its_options_as_the_user_wrote_them() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let asked = ["--target", "forces=0.6", "--target", "energy=0.07", "--timestep", "0.1", "--temperature", "298.15"];
    let arguments = check(&[&["water.xyz", "--report", "report.html"], &asked[..]].concat());
    let output = folder.output(&arguments, "");
    let parts = ["0.07 meV/atom and 0.6 meV/Å", "every 20 (2 fs)", "at 0.1 fs heats", "at 298.15 K", "298.15 298.15 "];
    assert_holds(&output, &parts);
    let page = folder.read("report.html");
    assert_holds(&page, &["0.07 meV/atom and 0.6 meV/Å", "At 0.1 fs it heats", "K warmer than 298.15 K"]);
    let json = folder.output(&check(&[&["water.xyz", "--json"], &asked[..]].concat()), "");
    assert_holds(&json, &["\"target\":{\"energy\":0.00007,\"forces\":0.0006}"]);
    let long = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        words.filter(|word| word.contains('.') && word.len() > 12).map(str::to_owned).collect::<Vec<_>>()
    };
    let seen = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| format!("{text} "));
    let seen: String = seen.collect();
    for text in [&output, &seen] {
        assert_eq!(long(text), [""; 0]);
        assert!(!text.split_whitespace().any(|word| word == "-0" || word.starts_with("-0.0")), "{text}");
    }
}

#[test]
fn more_threads_than_processors_are_reported_once() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    for command in
        [&["eval", "model.onnx", "water.xyz"][..], &["bench", "model.onnx", "water.xyz", "--seconds", "0.01"]]
    {
        let threads = (tumble_core::processors::allowed() + 1).to_string();
        let output = folder.tumble(&[command, &["--threads", &threads]].concat(), "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.starts_with(&format!("note: {threads} threads share the ")), "{said}");
        assert!(
            said.contains(" processor(s) that this process may use, which is slower than fewer threads: "),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn threads_far_beyond_the_processors_are_not_started() {
    let folder = Folder::new();
    let allowed = tumble_core::processors::allowed();
    let output = folder.tumble(&["bench", "model.onnx", "--json", "--seconds", "0.01", "--threads", "100000"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "note: 100000 threads were asked for, but only {} are started, as this process may use {allowed} ",
        4 * allowed
    );
    assert!(said.starts_with(&expected) && said.lines().count() == 1, "{said}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["structures"][0]["plan"]["workers"], 4 * allowed);
}

/// Output of `tumble bench --json` for the first structure.
fn benched(folder: &Folder, arguments: &[&str]) -> serde_json::Value {
    let all = [&["bench", "model.onnx", "--json", "--seconds", "0.01"], arguments].concat();
    serde_json::from_str(&folder.output(&all, "")).unwrap()
}

#[test]
fn bench_splits_the_time_of_a_step() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let found = benched(&folder, &["water.xyz", "--rotate", "octahedral", "--timestep", "0.25"]);
    let [one] = found["structures"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&one["name"], &one["atoms"], &one["edges"]), (&"frame 1".into(), &3.into(), &6.into()));
    assert_eq!(one["evaluations"], 24);
    assert!(one["steps"].as_u64() >= Some(3), "{one}");
    let number = |key: &str| one[key].as_f64().unwrap();
    let parts = ["neighbors_ms", "model_ms", "rest_ms"].map(number);
    assert!(parts.iter().all(|&part| 0.0 < part && part < 2.0 * number("ms")), "{one}");
    let day = 24.0 * 3600.0 * 1000.0 / number("ms") * 0.25e-6;
    assert!((number("ns_per_day") / day - 1.0).abs() < 1e-12, "{one}");
    assert!(found["policy"].as_str().unwrap().starts_with("rotate octahedral: 24 evaluation(s)"), "{found}");
}

#[test]
fn bench_prints_the_plan() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let bench = ["bench", "model.onnx", "water.xyz", "--seconds", "0.01", "--rotate", "octahedral"];
    let lines = folder.output(&bench, "");
    let plan = "\n  plan: 1 worker, 24 rotations in batches of 24, in one piece, 0.14 MB\n";
    assert!(lines.ends_with(plan), "{lines}");
    let threaded = folder.output(&[&bench[..], &["--threads", "2"]].concat(), "");
    assert!(threaded.contains("  plan: 2 workers, 24 rotations in batches of 24, in one piece, "), "{threaded}");
    let found = &benched(&folder, &["water.xyz", "--rotate", "octahedral"])["structures"][0]["plan"];
    let bytes = 24 * 6 * 1000;
    let expected = serde_json::json!({
        "workers": 1, "rotations": 24, "batch": 24, "pieces": "in one piece", "bytes": bytes
    });
    assert_eq!(found, &expected);
}

#[test]
fn bench_prints_the_cost_of_the_neighbor_list() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    let lines = folder.output(&["bench", "model.onnx", "water.xyz", "--seconds", "0.01"], "");
    assert!(lines.contains("% of a step, 2.0 edges per atom, 0.00 MB\n  plan: "), "{lines}");
    let found = &benched(&folder, &["water.xyz"])["structures"][0];
    let list = &found["neighbor_list"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let share = number(&found["neighbors_ms"]) / number(&found["ms"]);
    assert!((number(&list["share"]) / share - 1.0).abs() < 1e-12, "{found}");
    assert_eq!(list["edges_per_atom"], 2.0);
    // Neighbor, reversed edge and vector of six edges.
    assert!(list["bytes"].as_u64() >= Some(6 * (8 + 8 + 24)), "{list}");
    assert_eq!(list["kept"], serde_json::Value::Null);
}

/// Counts the edges below 3.5 Å in a chain of atoms, and the edges to one of the five nearest neighbors of either end.
fn edges_of_nearest(chain: &[f64]) -> (usize, usize) {
    let distance = |a: usize, b: usize| (chain[a] - chain[b]).abs();
    let chosen =
        |a: usize, b: usize| (0..chain.len()).filter(|&c| c != a && distance(a, c) < distance(a, b)).count() < 5;
    let pairs = (0..chain.len()).flat_map(|a| (0..chain.len()).map(move |b| (a, b)));
    let listed: Vec<_> = pairs.filter(|&(a, b)| a != b && distance(a, b) < 3.5).collect();
    let kept = listed.iter().filter(|&&(a, b)| chosen(a, b) || chosen(b, a)).count();
    (listed.len(), kept)
}

#[test]
fn bench_counts_the_edges_that_a_model_keeps() {
    let folder = Folder::new();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/models/exchange-nearest-f64.onnx");
    std::fs::copy(model, folder.path("model.onnx")).unwrap();
    let chain: Vec<f64> = (0..12).map(|i| 0.4 * f64::from(i) + 0.01 * f64::from(i * i)).collect();
    let lines: String = chain.iter().map(|z| format!("H 0 0 {z}\n")).collect();
    folder.write("chain.xyz", &format!("12\n\n{lines}"));
    let (listed, kept) = edges_of_nearest(&chain);
    let found = &benched(&folder, &["chain.xyz"])["structures"][0];
    let list = &found["neighbor_list"];
    assert_eq!((&found["edges"], &list["kept"]["edges"]), (&listed.into(), &kept.into()));
    assert_eq!(list["edges_per_atom"], listed as f64 / 12.0);
    assert_eq!(list["kept"]["edges_per_atom"], kept as f64 / 12.0);
    // Neighbor, reversed edge and vector of each; less than the whole list.
    let bytes = list["kept"]["bytes"].as_u64().unwrap();
    assert!(bytes >= kept as u64 * (8 + 8 + 24) && Some(bytes) < list["bytes"].as_u64(), "{list}");
    let lines = folder.output(&["bench", "model.onnx", "chain.xyz", "--seconds", "0.01"], "");
    assert!(lines.contains(&format!("; the model keeps {:.1} edges per atom, ", kept as f64 / 12.0)), "{lines}");
}

#[test]
fn bench_writes_the_profile_of_each_session() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    benched(&folder, &["water.xyz", "--rotate", "octahedral", "--profile", "nodes"]);
    let files =
        std::fs::read_dir(folder.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut profiles: Vec<_> = files.filter(|name| name.starts_with("nodes")).collect();
    profiles.sort();
    let sessions: Vec<_> = profiles.iter().map(|name| name.split_once('_').expect("a date follows").0).collect();
    assert_eq!(sessions, ["nodes-list", "nodes-vectors", "nodes"]);
    let count = |name: &String| {
        let events: serde_json::Value = serde_json::from_str(&folder.read(name)).unwrap();
        events.as_array().unwrap().iter().filter(|event| event["cat"] == "Node").count()
    };
    let nodes: usize = profiles.iter().map(count).sum();
    assert!(nodes > 10, "{nodes} nodes");
    let error = folder.failure(1, &["bench", "model.onnx", "water.xyz", "--profile", "nowhere/nodes"], "");
    assert!(error.starts_with("error: cannot write nowhere/nodes: "), "{error}");
}

#[test]
fn bench_uses_water_by_default_and_prints_a_table() {
    let folder = Folder::new();
    let lines = folder.output(&["bench", "model.onnx", "--seconds", "0.01"], "");
    for name in ["H2O molecule", "H2O dimer", "liquid, 27 H2O", "ice, 8 H2O"] {
        assert_eq!(lines.lines().filter(|line| line.starts_with(name)).count(), 1, "{lines}");
    }
    let (details, table): (Vec<_>, Vec<_>) = lines.lines().skip(2).partition(|line| line.starts_with("  "));
    for start in ["  neighbor list: ", "  plan: "] {
        assert_eq!(details.iter().filter(|line| line.starts_with(start)).count(), 4, "{lines}");
    }
    let widths: Vec<_> = table.into_iter().map(str::len).collect();
    assert!(widths.len() == 5 && widths.iter().all(|&width| width == widths[0]), "{lines}");
    assert_eq!(benched(&folder, &[])["structures"].as_array().map(Vec::len), Some(4));
}

#[test]
fn bench_names_the_bad_structure() {
    let folder = Folder::new();
    folder.write("two.xyz", &format!("{WATER}1\n\nXe 0 0 0\n"));
    let error = folder.failure(1, &["bench", "model.onnx", "two.xyz", "--seconds", "0.01"], "");
    assert!(
        error.starts_with("error: frame 2 of two.xyz: the model \"harmonic\" does not know element Xe: it knows H, O"),
        "{error}"
    );
    folder.failure(2, &["bench", "model.onnx", "two.xyz", "--seconds", "0"], "");
}
