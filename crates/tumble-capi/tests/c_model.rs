//! The C interface to a model in the process, through programs in C and Fortran.

#[path = "../../../tests/support/cc.rs"]
mod cc;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Settings;
use tumble_core::System;
use tumble_engine::{load, load_models};

const POSITIONS: [[f64; 3]; 3] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, -1.0]];
const CELL: [[f64; 3]; 3] = [[5.0, 0.0, 0.0], [1.0, 6.0, 0.0], [0.0, 0.0, 7.0]];
const WATER: [[f64; 3]; 3] = [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]];

/// The program of `tests/c/model.c`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| cc::c("tests/c/model.c", "tumble-c-model"))
}

fn model(name: &str) -> String {
    format!("{}/../../tests/data/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command, which must succeed, and returns its output by lines.
fn lines(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text.lines().map(String::from).collect()
}

/// The numbers of a line after its name.
fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect()
}

fn evaluation(name: &str, settings: &Settings, system: &System, step: u64) -> Evaluation {
    load(model(name).as_ref(), settings).unwrap().evaluate_system(system, step).unwrap()
}

fn crystal() -> System {
    System::new(POSITIONS.to_vec(), vec![8, 1, 1], Cell::new(CELL, [true; 3]).unwrap()).unwrap()
}

fn turned(degrees: f64) -> System {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let turned = WATER.map(|[x, y, z]| [x, cosine * y - sine * z, sine * y + cosine * z]);
    System::new(turned.to_vec(), vec![8, 1, 1], Cell::isolated()).unwrap()
}

#[test]
fn c_program_gets_the_results_of_rust() {
    let name = "harmonic-padded-f64";
    let found = lines(Command::new(program()).args(["computed", &model(name)]).arg(
        "rotate: tetrahedral+random, inversion: yes, seed: 5, stream: 2, step: 7, threads: 2, memory: 512, \
         forces: conservative",
    ));
    let mitigation = "tetrahedral+random+inversion".parse().unwrap();
    let settings = Settings { mitigation, seed: 5, stream: 2, threads: 2, ..Settings::default() };
    for (step, found) in (7..).zip(found.chunks(8)) {
        let expected = evaluation(name, &settings, &crystal(), step);
        assert_eq!(numbers(&found[0]), [expected.energy]);
        assert_eq!(numbers(&found[1]), expected.forces.as_flattened());
        assert_eq!(numbers(&found[2]), expected.virial.unwrap().as_flattened());
        assert_eq!(numbers(&found[3]), [expected.spread.energy, expected.spread.force_rms()]);
        assert_eq!(numbers(&found[4]), expected.atomic_energies);
        assert_eq!(numbers(&found[5]), expected.spread.atomic_energies);
        assert_eq!(numbers(&found[6]), expected.spread.forces.as_flattened());
        let details: Value = serde_json::from_str(found[7].strip_prefix("details ").unwrap()).unwrap();
        assert_eq!(details["evaluations"], 24);
        // eV, as all results here.
        let replicas: Vec<f64> = serde_json::from_value(details["replica_energies"].clone()).unwrap();
        assert!(replicas.iter().zip(&expected.replica_energies).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs()));
        assert_eq!(details["replica_weights"].as_array().unwrap().len(), 24);
        assert!((details["energy_spread"].as_f64().unwrap() - expected.spread.energy).abs() < 1e-12);
        assert_eq!(details["o3grid_pots"], Value::Null);
        assert!(expected.spread.energy > 0.0);
    }
    // The step counts up, and another step is another rotation.
    assert_ne!(found[0], found[8]);
}

#[test]
fn set_step_selects_the_rotation() {
    let found = numbers(&lines(Command::new(program()).args(["stepped", &model("harmonic-padded-f64"), ""]))[0]);
    assert_eq!(found[..2], found[2..]);
    assert_ne!(found[0], found[1]);
}

#[test]
fn beads_share_the_number_of_their_step() {
    let name = "harmonic-padded-f64";
    let found = lines(Command::new(program()).args(["beaded", &model(name), ""]));
    let energy = |step, stream| {
        let settings = Settings { mitigation: "random".parse().unwrap(), seed: 3, stream, ..Settings::default() };
        evaluation(name, &settings, &crystal(), step).energy
    };
    assert_eq!(numbers(&found[0]), [energy(5, 0), energy(5, 1), energy(6, 0), energy(6, 1)]);
    assert_eq!(numbers(&found[1]), [energy(5, 0), energy(5, 0), energy(6, 0), energy(6, 0)]);
    assert_eq!(numbers(&found[2]), [energy(6, 0)]);
    let extras: Value = serde_json::from_str(found[3].strip_prefix("extras ").unwrap()).unwrap();
    assert_eq!(extras["evaluations"], 1);
    assert_eq!(found[4], "refused: \"the argument n_beads is 65536: give a number from 1 to 65535\"");
}

#[test]
fn threads_sharing_a_model_read_their_own_results() {
    let found = lines(Command::new(program()).args(["shared", &model("harmonic-padded-f64"), ""]));
    assert_eq!(found, ["failed 0", "different 1"]);
}

#[test]
fn ensemble_energies_are_in_electron_volts() {
    let name = "ensemble-list-f64";
    let expected = evaluation(name, &Settings::default(), &crystal(), 0);
    let found = lines(Command::new(program()).args(["computed", &model(name), ""]));
    let details: Value = serde_json::from_str(found[7].strip_prefix("details ").unwrap()).unwrap();
    let members: Vec<f64> = serde_json::from_value(details["ensemble_energies"].clone()).unwrap();
    let sums = expected.ensemble_energies.iter().map(|member| member.iter().sum::<f64>());
    assert_eq!(members.len(), 4);
    assert!(members.iter().zip(sums).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs()));
}

#[test]
fn committees_have_the_results_of_rust() {
    let names = ["harmonic-padded-f64", "pair-list-f64"].map(model);
    let found = lines(cc::watched(program()).arg("committee").args(&names));
    let expected = [
        "none: \"the argument n_files is 0: give at least one file\"".to_owned(),
        "no files: \"the argument files is NULL: give the ONNX file of each model\"".to_owned(),
        "no second file: \"the argument files is NULL: give the ONNX file of each model\"".to_owned(),
        format!("twice: \"{0} and {0} are the same model: give each model of a committee once\"", names[0]),
    ];
    assert_eq!(found[..4], expected);
    let settings = Settings { mitigation: "octahedral".parse().unwrap(), ..Settings::default() };
    for (count, found) in (1..).zip(found[4..].chunks(5)) {
        let expected = load_models(&names[..count], &settings).unwrap().evaluate_system(&crystal(), 0).unwrap();
        assert_eq!(found[0], "too few: \"the argument n_atoms is 2, but the last structure has 3 atoms\"");
        assert_eq!(numbers(&found[1]), [expected.energy]);
        assert_eq!(numbers(&found[2]), expected.forces.as_flattened());
        let details: Value = serde_json::from_str(found[4].strip_prefix("details ").unwrap()).unwrap();
        if count == 1 {
            assert!(numbers(&found[3]).iter().all(|deviation| deviation.is_nan()));
            assert_eq!(details["force_deviations"], Value::Null);
        } else {
            assert_eq!(numbers(&found[3]), expected.force_deviations());
            let largest = details["max_force_deviation"].as_f64().unwrap();
            assert!((largest - expected.max_force_deviation().unwrap()).abs() < 1e-15);
            assert_eq!(details["member_forces"].as_array().unwrap().len(), 2);
            assert_eq!(details["member_virials"].as_array().unwrap().len(), 2);
        }
    }
}

#[test]
fn evaluation_ends_at_the_request_of_the_program() {
    let found = lines(Command::new(program()).args(["ended", &model("harmonic-padded-f64"), ""]));
    let expected = [
        "status -2",
        "questions 2",
        "energy 1",
        "the evaluation was cancelled: the calling program asked for it",
        "status 0",
        "same 1",
        "model -1",
    ];
    assert_eq!(found, expected);
}

#[test]
fn spreads_of_one_rotation_are_nan() {
    let found = lines(Command::new(program()).args(["computed", &model("harmonic-padded-f64"), ""]));
    for row in [3, 5, 6] {
        assert!(numbers(&found[row]).iter().all(|value| value.is_nan()), "{}", found[row]);
    }
    assert_eq!(found[..8], found[8..]);
}

#[test]
fn missing_virial_is_nan() {
    let name = "exported-direct-f32";
    let settings = Settings { forces: Some(tumble_core::potential::Forces::Direct), ..Settings::default() };
    let known = evaluation(name, &settings, &crystal(), 0).virial;
    let found = lines(Command::new(program()).args(["computed", &model(name), "forces: direct"]));
    match known {
        None => assert!(numbers(&found[2]).iter().all(|value| value.is_nan())),
        Some(virial) => assert_eq!(numbers(&found[2]), virial.as_flattened()),
    }
}

#[test]
fn c_program_reads_the_description_of_the_model() {
    let found = lines(Command::new(program()).args(["facts", &model("harmonic-padded-f64"), ""]));
    assert_eq!(found[..3], ["harmonic", "3.5", "1 0 0"]);
    let about: Value = serde_json::from_str(&found[3]).unwrap();
    assert_eq!(about["cutoff"], 3.5);
    assert_eq!(about["hops"], 1);
    assert_eq!(about["species"], serde_json::json!([1, 8]));
    let policy = "rotate octahedral+random+inversion: 48 evaluation(s) a step, conservative forces";
    assert_eq!(about["policy"], policy);
}

#[test]
fn wrong_arguments_are_errors_and_do_not_crash() {
    let file = model("harmonic-padded-f64");
    let found = lines(cc::watched(program()).args(["refused", &file, ""]));
    let none = "\"the argument model is NULL: load one with tumble_load\"";
    let keys = "rotate, inversion, seed, stream, step, forces, correction, threads, memory, device, onnxruntime, \
                sha256, tf32, charge, spin and field";
    let expected = [
        "no file: \"the argument file is NULL: give the ONNX file of a model\"",
        "no such file: \"cannot read /nonexistent.onnx: No such file or directory (os error 2)\"",
        &format!(
            "unknown key: \"the argument options cannot be used: the key \"rotation\" is unknown: the keys are {keys}\""
        ),
        &format!(
            "species are no option: \"the argument options cannot be used: the key \"species\" is unknown: the keys are \
             {keys}\""
        ),
        "twice: \"the argument options cannot be used: the key \"seed\" is given twice: leave one of them out\"",
        "too large: \"the argument options cannot be used: stream is \"65536\": give a whole number from 0 to \
         65535\"",
        "nothing to correct: \"correction yes is zero without rotations, as it is averaged minus bare: give rotate \
         or inversion yes (in LAMMPS also another kind of inner forces), or leave it out\"",
        "neither yes nor no: \"the argument options cannot be used: inversion is \"maybe\": give yes or no\"",
        &format!(
            "unknown mitigation: \"the mitigation \"cubic\" is unknown: give {}\"",
            tumble_core::quadrature::GRAMMAR
        ),
        "no such forces: \"the model \"harmonic\" offers no direct forces: ask for conservative ones\"",
        "no text: \"the argument options is not UTF-8 text\"",
        "nothing evaluated: \"the argument model has evaluated no structure in this thread, or failed at the last: call \
         tumble_compute first\"",
        "no atoms: \"the argument n_atoms is 0: give at least one atom\"",
        "no species: \"the argument species is NULL: give the atomic number of each atom\"",
        "no element: \"the argument species has 0 for atom 2: give numbers from 1 to 118\"",
        "beyond the last: \"the argument species has 119 for atom 2: give numbers from 1 to 118\"",
        "gold: \"the model \"harmonic\" does not know element Au: it knows H, O\"",
        "no positions: \"the argument positions is NULL: give three coordinates for each atom, in Å\"",
        "flat: \"the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors\"",
        "broken: \"cell vector b is not finite (NaN): check the structure, or whether the dynamics has exploded\"",
        "gone: \"the position of atom 3 is not finite (inf): check the structure, or whether the dynamics has exploded\"",
        "in one place: \"atoms 1 and 2 coincide (distance 0.0e0 Å, cell shifts included): remove one of them, or check \
         whether the dynamics has exploded\"",
        "energy 7",
        "usable again: \"\"",
        "too few: \"the argument n_atoms is 2, but the last structure has 3 atoms\"",
        "before the first step: \"the argument step is -1: give a number from 0\"",
        &format!("no model to step: {none}"),
        &format!("no model: {none}"),
        &format!("still none: {none}"),
        "freed: \"\"",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// Rows of an example's output: angle, energy, its spread, largest force.
fn assert_rows(found: &[String], settings: &Settings) {
    let energies = found.iter().zip([0.0, 30.0, 60.0, 90.0]).map(|(line, degrees)| {
        let expected = evaluation("harmonic-padded-f64", settings, &turned(degrees), 0);
        let largest = expected.forces.as_flattened().iter().fold(0.0_f64, |most, f| most.max(f.abs()));
        let row = [expected.energy, expected.spread.energy, largest];
        let numbers = numbers(line);
        assert!(numbers.iter().zip(row).all(|(a, b)| (a - b).abs() < 1e-8), "{line}: {row:?}");
        expected.energy
    });
    let energies: Vec<f64> = energies.collect();
    assert_eq!(found.len(), 4);
    // Octahedral grids are exact through degree 3, the toy has angular momenta to 4: the remaining error is small.
    assert!((energies[0] - energies[1]).abs() > 1e-6);
}

const OPTIONS: &str = "rotate: octahedral, inversion: yes";

fn octahedral() -> Settings {
    Settings { mitigation: "octahedral+inversion".parse().unwrap(), ..Settings::default() }
}

#[test]
fn c_example_is_right_and_leaks_no_memory() {
    let program = cc::c("examples/c/water.c", "tumble-c-water");
    assert_rows(&lines(cc::watched(&program).arg(model("harmonic-padded-f64")).arg(OPTIONS)), &octahedral());
    let output = Command::new(&program).arg("/nonexistent.onnx").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: cannot read /nonexistent.onnx: No such file or directory (os error 2)\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}

#[test]
fn fortran_example_is_right() {
    let sources = ["examples/fortran/tumble.f90", "examples/fortran/water.f90"];
    let Some(program) = cc::fortran(sources, "tumble-fortran-water") else {
        return eprintln!("skipped: gfortran is not installed (Debian package gfortran)");
    };
    assert_rows(&lines(Command::new(&program).arg(model("harmonic-padded-f64")).arg(OPTIONS)), &octahedral());
    let output = Command::new(&program).args([&model("harmonic-padded-f64"), "rotate: cubic"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: the mitigation \"cubic\" "));
}
