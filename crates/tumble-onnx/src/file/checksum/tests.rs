use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::file::model_file::CheckedModel;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{name}.onnx"))
}

/// Writes these bytes to a file in the folder.
fn file(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("m.onnx");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn damaged_model_is_refused_with_both_checksums_and_the_remedy() {
    let (folder, mut bytes) = (TempDir::new().unwrap(), fs::read(fixture("pair-list-f64")).unwrap());
    let path = file(&folder, &bytes);
    let stated = stamp(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "it was there already");
    let middle = bytes.windows(4).position(|part| part == b"Relu").unwrap();
    bytes[middle] ^= 1;
    let error = CheckedModel::read(&file(&folder, &bytes), None, true).err().unwrap().to_string();
    let expected = format!(
        "the model {} is damaged: its stored checksum is {stated}, but that of its contents is ",
        path.display()
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.ends_with(&format!("or, if you changed it, run `tumble checksum {}`", path.display())), "{error}");
    let written = stamp(&path).unwrap();
    assert!(written != stated && error.contains(&format!("but that of its contents is {written}: fetch it again")));
    assert!(CheckedModel::read(&path, None, true).is_ok());
}

#[test]
fn model_without_a_checksum_is_loaded_with_a_note() {
    let (folder, bytes) = (TempDir::new().unwrap(), fs::read(fixture("pair-list-f64")).unwrap());
    let path = file(&folder, &bytes[..bytes.len() - 85]);
    let note = format!(
        "the model stores no checksum, so a damaged file would go unnoticed: add one by `tumble checksum {}`",
        path.display()
    );
    assert_eq!(CheckedModel::read(&path, None, true).unwrap().notes, [note]);
    stamp(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(CheckedModel::read(&path, None, true).unwrap().notes.is_empty());
}

#[test]
fn two_checksums_are_refused() {
    let (folder, bytes) = (TempDir::new().unwrap(), fs::read(fixture("pair-list-f64")).unwrap());
    let twice = [&bytes[..], &bytes[bytes.len() - 85..]].concat();
    let path = file(&folder, &twice);
    let error = CheckedModel::read(&path, None, true).err().unwrap().to_string();
    assert_eq!(error, format!("{} is not an ONNX model: it has two checksums", path.display()));
    stamp(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn stamp_keeps_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, bytes) = (TempDir::new().unwrap(), fs::read(fixture("pair-list-f64")).unwrap());
    let path = file(&folder, &bytes[..bytes.len() - 85]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.onnx");
    symlink("m.onnx", &link).unwrap();
    stamp(&link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(folder.path().read_dir().unwrap().count(), 2);
}

#[test]
fn models_of_the_repository_state_their_checksums() {
    for folder in ["../../tests/data/models", "../../examples/models"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let models = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        for model in models.filter(|path| path.extension().is_some_and(|end| end == "onnx")) {
            let bytes = fs::read(&model).unwrap();
            let weights = Weights::read(&model, &bytes).unwrap();
            assert!(verify(&model, &bytes, &weights).unwrap(), "{}", model.display());
        }
    }
}

#[test]
fn checksum_with_a_damaged_key_is_not_a_missing_checksum() {
    let bytes = fs::read(fixture("twohop-padded-f64")).unwrap();
    let start = bytes.windows(KEY.len()).rposition(|window| window == KEY.as_bytes()).unwrap();
    let folder = TempDir::new().unwrap();
    for bit in 0..8 * KEY.len() {
        let mut flipped = bytes.clone();
        flipped[start + bit / 8] ^= 1 << (bit % 8);
        let error = CheckedModel::read(&file(&folder, &flipped), None, true).err().expect("it is damaged").to_string();
        assert!(error.contains("where \"tumble_checksum\" was written, so it is damaged"), "{error}");
    }
}

#[test]
fn pipe_is_refused_without_waiting() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("m.onnx");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = CheckedModel::read(&path, None, true).err().expect("nobody writes").to_string();
    assert!(error.ends_with("it is a pipe or a device: give a file"), "{error}");
}
