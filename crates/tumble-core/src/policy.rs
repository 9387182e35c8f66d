//! What one simulation wants of a model.

use crate::error::Result;
use crate::potential::{Forces, ModelInfo};
use crate::quadrature::Mitigation;
use crate::rotation::Draw;
use crate::settings::Settings;

/// What one simulation wants of a model; of several simulations that share a model each has its own.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which rotations to average over.
    pub mitigation: Mitigation,
    /// Which forces to use.
    pub forces: Forces,
    /// Which forces the bare model gives between averages and in the correction.
    pub inner: Forces,
    /// Whether to give averaged minus bare instead of averaged.
    pub correction: bool,
    /// Seed of the random rotations.
    pub seed: u64,
    /// Simulations of the same seed draw independent rotations if their streams differ.
    pub stream: u32,
}

impl Policy {
    /// What the settings ask of a model; its preferred forces where they leave the choice.
    ///
    /// # Errors
    /// Those of [`Settings::check`], and forces that the model does not offer.
    pub fn new(settings: &Settings, info: &ModelInfo) -> Result<Self> {
        let forces = settings.forces.unwrap_or_else(|| info.forces.first().copied().unwrap_or_default());
        let inner = settings.inner.unwrap_or(forces);
        info.check_forces(forces)?;
        info.check_forces(inner)?;
        settings.check_for(info)?;
        let Settings { correction, seed, stream, .. } = *settings;
        Ok(Self { mitigation: settings.mitigation.clone(), forces, inner, correction, seed, stream })
    }

    /// What the random rotations of a step depend on.
    pub fn draw(&self, step: u64) -> Draw {
        Draw { seed: self.seed, step, stream: self.stream }
    }

    /// The same with another stream, so many after this one's.
    pub fn stream(&self, further: u32) -> Self {
        Self { stream: self.stream + further, ..self.clone() }
    }
}
