//! Access for fuzzing to all transformations of a model file's bytes before ONNX Runtime reads them.

use tumble_core::planner::RecomputeLevel;
use tumble_onnx::file::external_data::Weights;
use tumble_onnx::file::scan;
use tumble_onnx::file::{checksum, fused, products};

use crate::partition::count_stages;

/// Returns the metadata of a model file, and the names of its ScatterND nodes with a reduction.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn scan(bytes: &[u8]) -> Result<(Option<String>, Vec<String>), String> {
    match scan::scan(bytes) {
        Ok(scan) => Ok((scan.metadata, scan.scatters)),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// Returns the number of stages at each recompute level, or the reason why the model cannot be partitioned.
pub fn stages(bytes: &[u8]) -> Vec<Result<usize, String>> {
    RecomputeLevel::ALL.iter().map(|&level| count_stages(bytes, level).map_err(told)).collect()
}

/// Returns a model file without the functions of operators that have a kernel.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn without_functions(bytes: &[u8]) -> Result<Vec<u8>, String> {
    fused::without_functions(bytes).map_err(told)
}

/// Returns a model file with its products with constant weights replaced by our operator.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn with_linear(bytes: &[u8]) -> Result<Vec<u8>, String> {
    products::with_linear(bytes).map_err(told)
}

/// Returns the names of the weights that only products read, in no order.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn weights(bytes: &[u8]) -> Result<Vec<&str>, String> {
    products::weights(bytes).map(|names| names.into_iter().collect()).map_err(told)
}

/// Returns a model file with its external data embedded, if all external files held `file`; `None` if it has none.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn with_weights(bytes: &[u8], file: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let weights = Weights::all_of(bytes, file).map_err(told)?;
    if weights.is_empty() {
        return Ok(None);
    }
    weights.put_into(bytes, "m.onnx".as_ref()).map(Some).map_err(told)
}

/// Returns a model file with its checksum, ignoring external data.
///
/// # Errors
/// The reason for a refusal, as the rest of a sentence.
pub fn stamped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    checksum::stamped(bytes, &none()?).map(|(bytes, _)| bytes).map_err(told)
}

/// Returns whether a model file stores its checksum.
///
/// # Errors
/// A sentence.
pub fn states_checksum(bytes: &[u8]) -> Result<bool, String> {
    let weights = none()?;
    checksum::verify("m.onnx".as_ref(), bytes, &weights).map_err(told)
}

/// Returns the weights of a model without external data.
fn none() -> Result<Weights, String> {
    Weights::all_of(b"", b"").map_err(told)
}

/// Turns an error into its sentence, for comparison.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
