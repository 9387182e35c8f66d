//! Structures to measure a model on: from a file, or water.

use std::path::Path;

use tumble::{Error, Result};
use tumble_check::knows_water;
use tumble_check::structures::{Named, water};
use tumble_core::elements::symbols;
use tumble_core::potential::ModelInfo;

/// Returns the structures of the file, or of water, with their names.
pub fn named(path: Option<&Path>, info: &ModelInfo) -> Result<Vec<Named>> {
    let Some(path) = path else {
        let refusal = || Error::NoStructures { model: info.name.clone(), known: symbols(&info.species) };
        return if knows_water(info) { Ok(water()?) } else { Err(refusal()) };
    };
    let frames = tumble_xyz::open(path)?.enumerate();
    frames.map(|(index, frame)| Ok((format!("frame {}", index + 1), frame?.system))).collect()
}

/// Adds the frame to an error in a structure of the file; an error in the built-in water is unchanged.
pub fn located(path: Option<&Path>, index: usize, error: Error) -> Error {
    let Some(path) = path else { return error };
    let file = if path == Path::new("-") { "the standard input".into() } else { path.into() };
    Error::Frame { file, frame: index + 1, source: Box::new(error) }
}
