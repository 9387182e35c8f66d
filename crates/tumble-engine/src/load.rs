//! From a file to a calculator.

use std::path::Path;

use tumble_core::Calculator;
use tumble_core::settings::Settings;

use crate::error::Result;
use crate::model::OnnxPotential;

/// A calculator for an ONNX model.
///
/// # Errors
/// Everything that can be wrong with the file, the settings, or the installation of ONNX Runtime.
pub fn load(model: &Path, settings: &Settings) -> Result<Calculator> {
    // Settings are checked first: it is quick, and a long load that ends in a typing error annoys.
    settings.check()?;
    let potential = OnnxPotential::load(model, &settings.running())?;
    let origin = format!("{}, sha256 {}", model.display(), potential.sha256());
    let notes = potential.notes().to_vec();
    Ok(Calculator::new(Box::new(potential), settings)?.with_origin(origin, notes))
}
