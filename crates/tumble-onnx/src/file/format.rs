//! Recognition of other file formats by their first bytes.

use std::path::Path;

use tumble_xyz::holds_structures;

use crate::error::OtherFormat;

/// Number of bytes read to recognize structures.
const HEAD: usize = 8192;

/// Returns the format of a file that is not an ONNX model; `None` if unknown.
pub(crate) fn recognize(path: &Path, bytes: &[u8]) -> Option<OtherFormat> {
    if holds_structures(path, &bytes[..bytes.len().min(HEAD)]) {
        return Some(OtherFormat::Structures);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(archive(bytes));
    }
    let safetensors = bytes.get(8..10) == Some(b"{\"") && bytes[6..8] == [0, 0];
    match bytes {
        [0x80, 2..=5, ..] => Some(OtherFormat::Checkpoint),
        [_, _, _, _, b'O', b'R', b'T', b'M', ..] => Some(OtherFormat::OnnxRuntime),
        _ if safetensors => Some(OtherFormat::Safetensors),
        _ if bytes.starts_with(b"\x89HDF") => Some(OtherFormat::Hdf5),
        [0x1f, 0x8b, ..] | [0xfd, b'7', b'z', ..] | [b'B', b'Z', b'h', ..] => Some(OtherFormat::Compressed),
        _ => text(bytes),
    }
}

/// Number of bytes at the beginning and at the end of an archive that are searched for names.
const DIRECTORY: usize = 1 << 20;

fn archive(bytes: &[u8]) -> OtherFormat {
    // A zip archive has the names of its files before each file and again at the end.
    let ends = [&bytes[..bytes.len().min(DIRECTORY)], &bytes[bytes.len().saturating_sub(DIRECTORY)..]];
    let holds = |name: &[u8]| ends.iter().any(|end| end.windows(name.len()).any(|part| part == name));
    if holds(b"serialized_exported_program") || holds(b"models/model.json") {
        OtherFormat::ExportedProgram
    } else if holds(b"constants.pkl") {
        OtherFormat::TorchScript
    } else if holds(b"data.pkl") {
        OtherFormat::Checkpoint
    } else {
        OtherFormat::Archive
    }
}

/// Number of bytes read to recognize text.
const BEGINNING: usize = 1024;

fn text(bytes: &[u8]) -> Option<OtherFormat> {
    let beginning = &bytes[..bytes.len().min(BEGINNING)];
    let end = beginning.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    // The last character may be incomplete.
    let text = str::from_utf8(&beginning[..end]).ok().filter(|_| beginning.len() - end < 4)?;
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let text = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    let first = text.lines().next()?.trim();
    Some(if first.starts_with("version https://git-lfs") {
        OtherFormat::LfsPointer
    } else if first.starts_with('<') {
        OtherFormat::Html
    } else if first.starts_with(['{', '[']) {
        OtherFormat::Json
    } else {
        OtherFormat::Text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized_by_their_first_bytes() {
        let cases: [(&[u8], &str); 18] = [
            (b"PK\x03\x04....archive/data.pkl..", "it is a checkpoint of PyTorch: export it, by `tumble-export pet "),
            (b"PK\x03\x04..m/data.pkl..m/constants.pkl", "it is a program of TorchScript: export the checkpoint "),
            (b"PK\x03\x04..m/data.pkl..m/serialized_exported_program.json", "it is a program of torch.export: "),
            (b"PK\x03\x04..m/models/model.json", "it is a program of torch.export: "),
            (b"PK\x03\x04......weights.npy", "it is an archive (zip): unpack it first"),
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "it is a checkpoint of PyTorch: "),
            (b"\x20\0\0\0\0\0\0\0{\"w\":{\"dtype\"", "it holds weights only (safetensors): export the model with "),
            (b"\x18\0\0\0ORTM....", "it is in ONNX Runtime's own format (.ort): give the .onnx file "),
            (b"\x89HDF\r\n\x1a\n", "it is in the format HDF5: "),
            (b"\x1f\x8b\x08", "it is compressed: unpack it first"),
            (b"version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS: fetch the file itself"),
            (b"<!DOCTYPE html>", "it is a page of HTML or XML: fetch the file itself"),
            ("\u{feff}{\"a\": 1}".as_bytes(), "it is a text in JSON: give the .onnx file of the model"),
            (b"  [1, 2]", "it is a text in JSON: "),
            (b"3\nLattice=\"\"\nO 0 0 0\n", "it holds structures: give the model first and "),
            (b"pair_style tumble\n", "it is a text: give the .onnx file of the model"),
            ("# größe\n".as_bytes(), "it is a text: "),
            ("# größ".as_bytes().split_last().unwrap().1, "it is a text: "),
        ];
        for (bytes, expected) in cases {
            let found = recognize(Path::new("m"), bytes).map(|format| format.to_string()).unwrap_or_default();
            assert!(found.starts_with(expected), "{}: {found}", bytes.escape_ascii());
        }
        for unknown in [&b""[..], b"\x08\x0a\x12\x07pytorch", b"\0\0\0\0\0\0\0\0\0\0", b"\xff\xfe\x00\x01"] {
            assert_eq!(recognize(Path::new("m"), unknown), None);
        }
    }
}
