//! Models with weights in a second file (external data).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tumble_core::execution::ExecutionOptions;
use tumble_core::potential::Potential;
use tumble_core::settings::Settings;
use tumble_core::system::{Cell, System};
use tumble_engine::{OnnxPotential, load};
use tumble_onnx::file::checksum::stamp;
use tumble_onnx::file::external_data::Kind;
use tumble_onnx::file::proto::{Fields, field, message, number};

fn bytes_of(model: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{model}.onnx"));
    fs::read(path).unwrap()
}

fn external(location: &str, offset: usize, length: usize) -> Vec<u8> {
    let entry = |key: &str, value: &str| {
        let entry = [message(field::ENTRY_KEY, key.as_bytes()), message(field::ENTRY_VALUE, value.as_bytes())];
        message(field::TENSOR_EXTERNAL, &entry.concat())
    };
    let place =
        [entry("location", location), entry("offset", &offset.to_string()), entry("length", &length.to_string())];
    [number(field::TENSOR_LOCATION, 1), place.concat()].concat()
}

/// Returns a message with the values of all its tensors moved to `file`.
fn moved(kind: Kind, bytes: &[u8], location: &str, file: &mut Vec<u8>) -> Vec<u8> {
    let mut written = Vec::new();
    for part in Fields(bytes).map(Result::unwrap) {
        match kind.inside(part.number).filter(|_| part.bytes) {
            Some(inner) => written.extend(message(part.number, &moved(inner, part.value, location, file))),
            None if kind == Kind::Tensor && part.number == field::TENSOR_RAW => {
                written.extend(external(location, file.len(), part.value.len()));
                file.extend(part.value);
            }
            None => written.extend(part.raw),
        }
    }
    written
}

/// Returns a folder with a model, and the model's path; its weights are in `model.onnx.data`.
fn outside(model: &str) -> (TempDir, PathBuf) {
    let (folder, mut file) = (TempDir::new().unwrap(), b"padding".to_vec());
    let path = folder.path().join("model.onnx");
    fs::write(&path, moved(Kind::Model, &bytes_of(model), "model.onnx.data", &mut file)).unwrap();
    fs::write(folder.path().join("model.onnx.data"), file).unwrap();
    stamp(&path).unwrap();
    (folder, path)
}

/// Returns enough atoms for all workers.
fn atoms() -> System {
    let place = |i: usize| [i % 4, i / 4 % 4, i / 16].map(|n| 1.6 * n as f64 + 0.1 * (i as f64).sin());
    System::new((0..60).map(place).collect(), [8, 1, 1].repeat(20), Cell::isolated()).unwrap()
}

fn energy(path: &Path, threads: usize) -> f64 {
    let settings = Settings { threads, ..Settings::default() };
    let mut calculator = load(path, &settings).unwrap();
    assert!(calculator.notes().is_empty(), "{:?}", calculator.notes());
    calculator.evaluate_system(&atoms(), 0).unwrap().energy
}

fn refused(path: &Path) -> String {
    OnnxPotential::load(path, &ExecutionOptions::default()).err().unwrap().to_string()
}

#[test]
fn model_with_external_weights_agrees_with_the_model_in_one_file() {
    for model in ["pair-list-f64", "exported-pet-f64", "exported-direct-f32"] {
        let (_folder, path) = outside(model);
        let one = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{model}.onnx"));
        // With two workers the model is partitioned, if possible.
        for threads in [1, 2] {
            assert_eq!(energy(&path, threads), energy(&one, threads), "{model}, {threads} thread(s)");
        }
        let load = |path: &Path| OnnxPotential::load(path, &ExecutionOptions::default()).unwrap();
        assert_eq!(load(&path).stages(), load(&one).stages());
        assert_eq!(load(&path).info(), load(&one).info());
        assert_ne!(load(&path).sha256(), load(&one).sha256());
    }
}

#[test]
fn model_with_other_weights_has_another_hash_and_session() {
    let (_folder, path) = outside("pair-list-f64");
    let data = path.with_extension("onnx.data");
    let before = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
    let same = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
    assert!(before.shares_session_with(&same));
    let energies = energy(&path, 1);
    let mut weights = fs::read(&data).unwrap();
    let numbers = weights.len() / 8;
    for value in weights[7..].as_chunks_mut::<8>().0.iter_mut().take(numbers) {
        // Changes float64 values, but no indices.
        let number = f64::from_le_bytes(*value);
        if (0.01..100.0).contains(&number.abs()) {
            *value = (1.05 * number).to_le_bytes();
        }
    }
    fs::write(&data, weights).unwrap();
    let error = refused(&path);
    assert!(error.starts_with(&format!("the model {} is damaged: ", path.display())), "{error}");
    stamp(&path).unwrap();
    let after = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
    assert!(before.sha256() != after.sha256() && !before.shares_session_with(&after));
    assert_ne!(energy(&path, 1), energies);
}

#[test]
fn hash_is_computed_from_the_hashes_of_all_files() {
    let (_folder, path) = outside("pair-list-f64");
    let command = "sha256sum model.onnx model.onnx.data | cut -c -64 | sha256sum | cut -c -64";
    let folder = path.parent().unwrap();
    let output = std::process::Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
    let expected = String::from_utf8(output.stdout).unwrap();
    assert_eq!(OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap().sha256(), expected.trim());
}

#[test]
fn missing_and_damaged_weights_are_refused() {
    let (folder, path) = outside("pair-list-f64");
    let data = folder.path().join("model.onnx.data");
    let weights = fs::read(&data).unwrap();
    let place = folder.path().canonicalize().unwrap();
    let begin = format!("the model {} keeps weights in \"model.onnx.data\", which ", path.display());

    fs::remove_file(&data).unwrap();
    let cause = "cannot be read (No such file or directory (os error 2)): put it beside the model, into ";
    assert_eq!(refused(&path), format!("{begin}{cause}{}", place.display()));

    fs::create_dir(&data).unwrap();
    assert!(refused(&path).starts_with(&format!("{begin}is not a file: ")));
    fs::remove_dir(&data).unwrap();

    // Without a checksum, since it would be checked first.
    let unstamped = moved(Kind::Model, &bytes_of("pair-list-f64"), "model.onnx.data", &mut b"padding".to_vec());
    let unstamped: Vec<_> = Fields(&unstamped).flatten().filter(|part| part.raw.len() != 85).collect();
    fs::write(&path, unstamped.iter().flat_map(|part| part.raw).copied().collect::<Vec<_>>()).unwrap();
    fs::write(&data, &weights[..weights.len() - 1]).unwrap();
    let error = refused(&path);
    assert!(error.starts_with(&format!("{begin}has {} bytes, but the model reads ", weights.len() - 1)), "{error}");
    assert!(error.ends_with(" for its tensor \"k13\": it was cut short or belongs to another model"), "{error}");

    // More than a file of ONNX can hold. A sparse file takes no space on the disk.
    fs::File::create(&data).unwrap().set_len((2 << 30) + 1).unwrap();
    assert!(OnnxPotential::load(&path, &ExecutionOptions::default()).is_ok());

    // A link is as good as a copy.
    fs::write(folder.path().join("elsewhere"), &weights).unwrap();
    fs::remove_file(&data).unwrap();
    symlink("elsewhere", &data).unwrap();
    assert!(OnnxPotential::load(&path, &ExecutionOptions::default()).is_ok());
}

#[test]
fn weights_outside_of_the_folder_of_the_model_are_refused() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    let path = folder.path().join("inner/model.onnx");
    for location in ["../weights", "/etc/passwd", "", "a/../../weights", "*/_ORT_MEM_ADDR_/*"] {
        let mut file = Vec::new();
        fs::write(&path, moved(Kind::Model, &bytes_of("pair-list-f64"), location, &mut file)).unwrap();
        fs::write(folder.path().join("weights"), file).unwrap();
        let error = refused(&path);
        let begin = format!("the model {} keeps weights in \"{location}\", which ", path.display());
        assert!(error.starts_with(&begin), "{error}");
        assert!(location.starts_with('*') || error.contains("is not a path inside the model's folder: "), "{error}");
    }
    let mut file = Vec::new();
    fs::write(&path, moved(Kind::Model, &bytes_of("pair-list-f64"), "./deeper/weights", &mut file)).unwrap();
    fs::create_dir(folder.path().join("inner/deeper")).unwrap();
    fs::write(folder.path().join("inner/deeper/weights"), file).unwrap();
    stamp(&path).unwrap();
    assert!(OnnxPotential::load(&path, &ExecutionOptions::default()).is_ok());
}
