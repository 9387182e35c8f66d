//! Loading of a model file as a calculator.

use std::path::Path;

use tumble_core::Calculator;
use tumble_core::settings::Settings;

use crate::error::Result;
use crate::model::OnnxPotential;

/// Loads an ONNX model as a calculator.
///
/// # Errors
/// All errors of the file, the settings and the installation of ONNX Runtime.
pub fn load(model: &Path, settings: &Settings) -> Result<Calculator> {
    // The check is quick, loading is slow: report a typing error first.
    settings.check()?;
    let potential = OnnxPotential::load(model, &settings.running())?;
    let origin = format!("{}, sha256 {}", model.display(), potential.sha256());
    let notes = potential.notes().to_vec();
    Ok(Calculator::new(Box::new(potential), settings)?.with_origin(origin, notes))
}
