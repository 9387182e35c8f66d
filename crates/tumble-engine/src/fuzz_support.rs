//! For fuzzing: all that is done to the bytes of a model file before ONNX Runtime sees them.

use tumble_core::planner::RecomputeLevel;
use tumble_onnx::file::external_data::Weights;
use tumble_onnx::file::scan;
use tumble_onnx::file::{checksum, fused};

use crate::partition::count_stages;

/// The metadata in the bytes of a model file, and the names of its nodes ScatterND that reduce.
///
/// # Errors
/// The rest of a sentence.
pub fn scan(bytes: &[u8]) -> Result<(Option<String>, Vec<String>), String> {
    match scan::scan(bytes) {
        Ok(scan) => Ok((scan.metadata, scan.scatters)),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// Into how many stages a model file is cut, at each level, or why it cannot be.
pub fn stages(bytes: &[u8]) -> Vec<Result<usize, String>> {
    RecomputeLevel::ALL.iter().map(|&level| count_stages(bytes, level).map_err(told)).collect()
}

/// A model file without the functions that we have kernels for.
///
/// # Errors
/// The rest of a sentence.
pub fn without_functions(bytes: &[u8]) -> Result<Vec<u8>, String> {
    fused::without_functions(bytes).map_err(told)
}

/// A model file with its weights in itself, as if all files outside held `file`; `None` where none is outside.
///
/// # Errors
/// The rest of a sentence.
pub fn with_weights(bytes: &[u8], file: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let weights = Weights::all_of(bytes, file).map_err(told)?;
    if weights.is_empty() {
        return Ok(None);
    }
    weights.put_into(bytes.to_vec(), "m.onnx".as_ref()).map(Some).map_err(told)
}

/// A model file with its checksum, as if there were no files outside.
///
/// # Errors
/// The rest of a sentence.
pub fn stamped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    checksum::stamped(bytes, &none()?).map(|(bytes, _)| bytes).map_err(told)
}

/// Whether a model file states its checksum, or why it is refused.
///
/// # Errors
/// A sentence.
pub fn states_checksum(bytes: &[u8]) -> Result<bool, String> {
    let weights = none()?;
    checksum::verify("m.onnx".as_ref(), bytes, &weights).map_err(told)
}

/// No weights outside of a file.
fn none() -> Result<Weights, String> {
    Weights::all_of(b"", b"").map_err(told)
}

/// Sentences can be compared.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
