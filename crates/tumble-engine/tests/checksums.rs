//! Damaged models are refused by the checksum, or have the same energy.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tumble_core::error::Result;
use tumble_core::settings::Settings;
use tumble_core::system::{Cell, System};
use tumble_engine::load;
use tumble_onnx::file::model_file::CheckedModel;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{name}.onnx"))
}

/// Writes these bytes to a file in the folder.
fn file(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("m.onnx");
    fs::write(&path, bytes).unwrap();
    path
}

fn energy(path: &Path) -> Result<f64> {
    let water = System::new(vec![[0.0; 3], [0.8, 0.6, 0.0], [-0.8, 0.6, 0.1]], vec![8, 1, 1], Cell::isolated());
    Ok(load(path, &Settings::default())?.evaluate_system(&water.unwrap(), 0)?.energy)
}

/// Flips a bit and asserts that the file is refused or has the same energy; returns whether it is refused.
fn flip(folder: &TempDir, bytes: &[u8], bit: usize, expected: f64) -> bool {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    let path = file(folder, &flipped);
    if CheckedModel::read(&path, None, true).is_err() {
        return true;
    }
    let found = energy(&path);
    assert!(found.as_ref().map_or(true, |found| *found == expected), "bit {bit}: {found:?}");
    found.is_err()
}

#[test]
fn model_with_a_flipped_bit_is_refused_or_has_the_same_energy() {
    let (folder, bytes) = (TempDir::new().unwrap(), fs::read(fixture("pair-list-f64")).unwrap());
    let expected = energy(&file(&folder, &bytes)).unwrap();
    let entry = 8 * (bytes.len() - 85);
    let bits = (0..entry).step_by(11).chain(entry..8 * bytes.len());
    let passed: Vec<_> = bits.filter(|&bit| !flip(&folder, &bytes, bit, expected)).collect();
    // Bits pass in the entry of the checksum only, if they break its key or field number.
    assert!(passed.iter().all(|&bit| bit >= entry), "{passed:?}");
    assert!(passed.len() < 8 * 20, "{passed:?}");
}

#[test]
fn exported_model_with_a_flipped_bit_is_refused() {
    let (folder, bytes) = (TempDir::new().unwrap(), fs::read(fixture("exported-pet-f64")).unwrap());
    for bit in (0..8 * (bytes.len() - 85)).step_by(20_011) {
        assert!(flip(&folder, &bytes, bit, f64::NAN), "{bit}");
    }
}
