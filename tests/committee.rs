//! Committees of models in files, against each model evaluated alone and averaged here.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/evaluations.rs"]
mod evaluations;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use evaluations::unwrapped;
use serde_json::Value;
use tempfile::TempDir;
use tumble_core::potential::Forces;
use tumble_core::{Calculator, Cell, Evaluation, Settings, System};
use tumble_engine::load_models;

/// Models with one cutoff, for H and O; the last one reaches two hops.
const MODELS: [&str; 3] = ["harmonic-list-f64", "pair-padded-f64", "twohop-list-f64"];
const DIRECT: [&str; 2] = ["direct-list-f64", "stressed-padded-f64"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"))
}

fn load(models: &[&str], settings: &Settings) -> Calculator {
    load_models(&models.iter().map(|name| path(name)).collect::<Vec<_>>(), settings).unwrap()
}

fn refused(models: &[&str], settings: &Settings) -> String {
    let paths: Vec<_> = models.iter().map(|name| path(name)).collect();
    load_models(&paths, settings).err().unwrap().to_string().replace(path("").parent().unwrap().to_str().unwrap(), "..")
}

/// Twelve atoms in a skewed cell.
fn crystal(shift: f64) -> System {
    let at = |i: usize, k: usize| 5.0 * ((3 * i + k) as f64 * 78.233 + shift).sin();
    let positions = (0..12).map(|i| [at(i, 0), at(i, 1), at(i, 2)]).collect();
    let cell = Cell::new([[5.1, 0.2, -0.3], [1.4, 4.8, 0.1], [-0.9, 1.1, 5.3]], [true; 3]).unwrap();
    System::new(positions, [8, 1, 1].repeat(4), cell).unwrap()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * (1.0 + b.abs());
    assert!(found.iter().zip(expected).all(near), "{found:?} is not {expected:?}");
}

fn compare(found: &Evaluation, alone: &[Evaluation]) {
    let mean = |of: &dyn Fn(&Evaluation) -> Vec<f64>| -> Vec<f64> {
        let all: Vec<_> = alone.iter().map(of).collect();
        (0..all[0].len()).map(|i| all.iter().map(|one| one[i]).sum::<f64>() / all.len() as f64).collect()
    };
    assert_near(&[found.energy], &mean(&|one| vec![one.energy]), 1e-13);
    assert_near(&found.atomic_energies, &mean(&|one| one.atomic_energies.clone()), 1e-13);
    assert_near(found.forces.as_flattened(), &mean(&|one| one.forces.as_flattened().to_vec()), 1e-13);
    for (number, one) in alone.iter().enumerate() {
        assert_near(&found.ensemble_energies[number], &one.atomic_energies, 1e-13);
        assert_near(found.members.forces[number].as_flattened(), one.forces.as_flattened(), 1e-13);
        assert_eq!(found.members.virials[number].is_some(), one.virial.is_some());
        let (virial, expected) = (found.members.virials[number].unwrap_or_default(), one.virial.unwrap_or_default());
        assert_near(virial.as_flattened(), expected.as_flattened(), 1e-13);
    }
}

#[test]
fn results_are_those_of_the_models_alone() {
    for rotate in ["none", "octahedral", "random:5"] {
        for (models, forces) in [(&MODELS[..], Forces::Conservative), (&DIRECT, Forces::Direct)] {
            let mitigation = rotate.parse().unwrap();
            let settings = Settings { mitigation, seed: 3, forces: Some(forces), ..Settings::default() };
            let found = load(models, &settings).evaluate_system(&crystal(0.5), 7).unwrap();
            let alone = |model: &&str| load(&[*model], &settings).evaluate_system(&crystal(0.5), 7).unwrap();
            compare(&found, &models.iter().map(alone).collect::<Vec<_>>());
        }
    }
}

#[test]
fn results_of_many_structures_are_those_of_each() {
    let settings = Settings { mitigation: "random:3".parse().unwrap(), threads: 2, ..Settings::default() };
    let systems: Vec<_> = (0..5).map(|i| crystal(0.1 * f64::from(i))).collect();
    let structures: Vec<_> = systems.iter().zip(0..).collect();
    let (mut committee, mut found) = (load(&MODELS, &settings), Vec::new());
    committee.evaluate_many(&structures, |portion| {
        found.extend(portion);
        std::ops::ControlFlow::Continue(())
    });
    for (found, (system, step)) in unwrapped(found).iter().zip(structures) {
        let alone = |model: &&str| load(&[*model], &settings).evaluate_system(system, step).unwrap();
        compare(found, &MODELS.iter().map(alone).collect::<Vec<_>>());
    }
}

#[test]
fn corrections_have_the_deviations_of_the_average() {
    let settings = Settings { mitigation: "octahedral".parse().unwrap(), ..Settings::default() };
    let correction = Settings { correction: true, ..settings.clone() };
    let averaged = load(&MODELS, &settings).evaluate_system(&crystal(0.5), 0).unwrap();
    let found = load(&MODELS, &correction).evaluate_system(&crystal(0.5), 0).unwrap();
    assert_near(&found.force_deviations(), &averaged.force_deviations(), 1e-12);
}

#[test]
fn one_file_is_no_committee() {
    let found = load(&MODELS[..1], &Settings::default());
    assert_eq!((found.members(), found.info().ensemble), (0, false));
    assert_eq!(load(&MODELS, &Settings::default()).members(), 3);
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let settings = Settings::default();
    assert_eq!(
        refused(&["harmonic-list-f64", "pair-list-f64", "harmonic-list-f64"], &settings),
        "../harmonic-list-f64.onnx and ../harmonic-list-f64.onnx are the same model: give each model of \
         a committee once"
    );
    assert_eq!(
        refused(&["harmonic-list-f64", "ensemble-list-f64"], &settings),
        "the model \"ensemble\" does not fit into the committee: it is an ensemble itself: give models with one energy \
         each, or the ensemble alone"
    );
    assert_eq!(
        refused(&["harmonic-list-f64", "direct-list-f64"], &settings),
        "the model \"direct\" does not fit into the committee: it offers direct forces, but the members before it \
         conservative forces: give models with a kind of forces in common"
    );
    let hash = "0".repeat(64);
    assert_eq!(
        refused(&MODELS, &Settings { sha256: Some(hash.clone()), ..settings }),
        format!("sha256 {hash} is the hash of one model, but 3 are given: leave it out, or give one model")
    );
}

fn eval(folder: &TempDir, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("eval").arg(path(MODELS[0])).arg("in.xyz").arg("--model").arg(path(MODELS[1])).args(more);
    command.current_dir(folder.path()).output().unwrap()
}

fn first_number(text: &str) -> f64 {
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn tumble_eval_reports_deviations() {
    let folder = TempDir::new().unwrap();
    let molecule = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";
    std::fs::write(folder.path().join("in.xyz"), molecule.to_owned() + &molecule.replace("0.76", "0.9")).unwrap();
    let output = eval(&folder, &["-o", "out.xyz"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nlargest deviation over 2 models: force "), "{text}");
    let lines = eval(&folder, &["--json"]).stdout;
    let found: Vec<Value> = lines.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let written = std::fs::read_to_string(folder.path().join("out.xyz")).unwrap();
    let keys: Vec<f64> = written.split(" max_force_deviation=").skip(1).map(first_number).collect();
    assert_eq!((found.len(), keys.len()), (2, 2));
    for (frame, key) in found.into_iter().zip(keys) {
        let deviations: Vec<_> = frame["force_deviations"].as_array().unwrap().iter().map(Value::as_f64).collect();
        let largest = deviations.into_iter().flatten().fold(0.0, f64::max);
        assert_eq!(frame["max_force_deviation"], largest);
        assert!((key - largest).abs() < 1e-14, "{key} is not {largest}");
        assert_eq!(frame["ensemble_energies"].as_array().unwrap().len(), 2);
    }
    assert!(written.contains(":force_deviation:R:1 "), "{written}");
}
