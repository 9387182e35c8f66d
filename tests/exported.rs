//! Exported models of metatrain and of orb-models, compared with results of these packages.
//!
//! python/tumble-export/tests/fixtures/export.py and export_orb.py write the models and the records.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::potential::Forces;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_engine::load;
use tumble_onnx::file::checksum::stamp;

/// Energies in eV, forces in eV/Å, the symmetrized virial in eV; `direct` are direct forces.
#[derive(Deserialize)]
struct Record {
    model: String,
    structure: String,
    numbers: Vec<u8>,
    positions: Vec<Vector3>,
    cell: Option<Matrix3>,
    energy: f64,
    forces: Vec<Vector3>,
    virial: Matrix3,
    direct: Option<Vec<Vector3>>,
}

impl Record {
    fn system(&self) -> System {
        let cell = self.cell.map_or_else(Cell::isolated, |vectors| Cell::new(vectors, [true; 3]).unwrap());
        System::new(self.positions.clone(), self.numbers.clone(), cell).unwrap()
    }

    fn tolerance(&self) -> f64 {
        if self.model.ends_with("f64") { 1e-10 } else { 2e-5 }
    }

    fn evaluate(&self, settings: &Settings) -> Evaluation {
        load(&path(&self.model), settings).unwrap().evaluate_system(&self.system(), 0).unwrap()
    }
}

fn records() -> Vec<Record> {
    let files = [include_str!("data/exported.json"), include_str!("data/exported-orb.json")];
    files.iter().flat_map(|text| serde_json::from_str::<Vec<Record>>(text).unwrap()).collect()
}

fn path(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{model}.onnx"))
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    let error = found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
    assert!(error <= tolerance * size, "{what}: {error:e} with values up to {size}");
}

#[test]
fn exported_models_equal_their_checkpoints() {
    for record in records() {
        let settings = Settings { forces: Some(Forces::Conservative), ..Settings::default() };
        let found = record.evaluate(&settings);
        let what = format!("{}, {}", record.model, record.structure);
        assert_near(&[found.energy], &[record.energy], record.tolerance(), &what);
        assert_near(found.forces.as_flattened(), record.forces.as_flattened(), record.tolerance(), &what);
        assert_near(found.virial.unwrap().as_flattened(), record.virial.as_flattened(), record.tolerance(), &what);
    }
}

#[test]
fn direct_forces_equal_those_of_the_checkpoint() {
    let records: Vec<_> = records().into_iter().filter(|record| record.direct.is_some()).collect();
    assert!(!records.is_empty());
    for record in records {
        let settings = Settings { forces: Some(Forces::Direct), ..Settings::default() };
        let found = record.evaluate(&settings);
        let direct = record.direct.as_ref().unwrap();
        assert_near(found.forces.as_flattened(), direct.as_flattened(), record.tolerance(), &record.structure);
    }
}

#[test]
fn replicas_of_an_exported_model_are_independent() {
    for model in ["exported-pet-f64", "exported-orb-f64"] {
        let record = records().into_iter().find(|record| record.model == model && record.cell.is_some());
        let record = record.expect("a periodic structure");
        let found = record.evaluate(&Settings { mitigation: "octahedral".parse().unwrap(), ..Settings::default() });
        assert_eq!(found.evaluations, 24);
        assert!(found.spread.energy > 0.0, "{model} is not exactly invariant");
        // The identity is among the 24 rotations, so one replica has the energy of the source.
        let nearest = found.replica_energies.iter().map(|e| (e - record.energy).abs()).fold(f64::INFINITY, f64::min);
        assert!(nearest < 1e-9 * record.energy.abs(), "{model}: {nearest:e}");
    }
}

#[test]
fn global_energies_of_exported_models_are_not_evaluated_in_blocks() {
    let record = records().into_iter().rfind(|record| record.model == "exported-orb-f64").expect("a large structure");
    let mut calculator = load(&path(&record.model), &Settings { memory_mb: 16, ..Settings::default() }).unwrap();
    assert!(calculator.info().whole);
    let error = calculator.evaluate_system(&record.system(), 0).unwrap_err().to_string();
    let expected = "the model \"exported-orb-f64\" has a global energy, so that the structure cannot be cut into \
                    blocks: raise memory from 16 MB to at least ";
    let needed: usize =
        error.strip_prefix(expected).and_then(|rest| rest.strip_suffix(" MB")?.parse().ok()).expect(&error);
    for (memory_mb, fits) in [(needed, true), (needed - 1, false)] {
        let calculator = load(&path(&record.model), &Settings { memory_mb, ..Settings::default() }).unwrap();
        let (mut list, system) = (calculator.neighbor_list(), record.system());
        assert_eq!(!calculator.plan(list.graph(&system).unwrap(), 0).is_in_blocks(), fits, "{memory_mb} MB");
    }
}

/// The bytes of a model with every occurrence of `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while let Some(place) = rest.windows(from.len()).position(|window| window == from) {
        found.extend_from_slice(&rest[..place]);
        found.extend_from_slice(to);
        rest = &rest[place + from.len()..];
    }
    [found, rest.to_vec()].concat()
}

/// A model with its nodes in another domain without kernels, so that the functions of the file are run.
fn with_functions(model: &str) -> Vec<u8> {
    let other = replaced(&std::fs::read(path(model)).unwrap(), b"\x06tumble", b"\x06tumbrl");
    // The key of the metadata, before their value, is not a domain.
    replaced(&other, b"\x06tumbrl\x12", b"\x06tumble\x12")
}

#[test]
fn kernels_equal_the_functions_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["exported-pet-f64", "exported-residual-f64", "exported-adaptive-f64", "exported-direct-f32"] {
        let (spelled, settings) = (folder.path().join("model.onnx"), Settings::default());
        std::fs::write(&spelled, with_functions(name)).unwrap();
        stamp(&spelled).unwrap();
        for record in records().into_iter().filter(|record| record.model == name) {
            let mut expected = load(&spelled, &settings).unwrap();
            let (expected, found) =
                (expected.evaluate_system(&record.system(), 0).unwrap(), record.evaluate(&settings));
            let tolerance = if name.ends_with("f64") { 1e-12 } else { 1e-6 };
            assert_near(&[found.energy], &[expected.energy], tolerance, name);
            assert_near(found.forces.as_flattened(), expected.forces.as_flattened(), tolerance, name);
        }
    }
}

/// The former file is `exported-direct-f32` as the exporter wrote it when the operators were called `Gate`, `Normalize`
/// and `Standardize`, and messages were exchanged by `Gather`.
#[test]
fn operators_under_their_former_names_give_the_same_numbers() {
    let name = "exported-direct-f32";
    for forces in [Forces::Conservative, Forces::Direct] {
        let settings = Settings { forces: Some(forces), ..Settings::default() };
        for record in records().into_iter().filter(|record| record.model == name) {
            let mut former = load(&path("former-names-f32"), &settings).unwrap();
            let (former, found) = (former.evaluate_system(&record.system(), 0).unwrap(), record.evaluate(&settings));
            assert_eq!((former.energy, former.forces), (found.energy, found.forces));
        }
    }
}

#[test]
fn a_node_with_wrong_rows_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, record) = (folder.path().join("heads.onnx"), &records()[0]);
    // An attribute: its name and the number 4.
    let bytes = std::fs::read(path("exported-pet-f64")).unwrap();
    std::fs::write(&bad, replaced(&bytes, b"\x05heads\x18\x04", b"\x05heads\x18\x05")).unwrap();
    stamp(&bad).unwrap();
    let error = load(&bad, &Settings::default()).unwrap().evaluate_system(&record.system(), 0).unwrap_err();
    let expected = "a node of the domain tumble does not meet the model contract: its rows are not queries, keys and \
                    values of all heads, or its source and filled are not [C·T]";
    assert!(error.to_string().contains(expected), "{error}");
}
