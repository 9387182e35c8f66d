//! The averaging policy of a simulation: its rotations, kinds of forces and random stream.

use crate::beads::Beads;
use crate::conditions::Conditions;
use crate::error::Result;
use crate::potential::{Forces, ModelInfo};
use crate::quadrature::Mitigation;
use crate::rotation::Draw;
use crate::settings::Settings;

/// How one simulation averages a model. Simulations that share a model have a policy each.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Rotations to average over.
    pub mitigation: Mitigation,
    /// Kind of forces.
    pub forces: Forces,
    /// Kind of forces of the bare model, between averages and in the correction.
    pub inner: Forces,
    /// Whether to return averaged minus bare results instead of averaged ones.
    pub correction: bool,
    /// Seed of the random rotations.
    pub seed: u64,
    /// Random stream: simulations with the same seed and different streams draw independent rotations.
    pub stream: u32,
    /// How structures are numbered; a structure's number is its step if each structure is a step of its own.
    pub beads: Beads,
    /// Conditions of structures that have none of their own.
    pub conditions: Conditions,
}

impl Policy {
    /// Makes the policy of the settings for a model. The model's preferred forces are used if the settings name none.
    ///
    /// # Errors
    /// The errors of [`Settings::check`], and a kind of forces or a condition that the model does not know.
    pub fn new(settings: &Settings, info: &ModelInfo) -> Result<Self> {
        let forces = settings.forces.unwrap_or_else(|| info.forces.first().copied().unwrap_or_default());
        let inner = settings.inner.unwrap_or(forces);
        info.check_forces(forces)?;
        info.check_forces(inner)?;
        settings.check_for(info)?;
        info.check_given(&settings.conditions)?;
        let Settings { correction, seed, stream, conditions, .. } = *settings;
        let (mitigation, beads) = (settings.mitigation.clone(), Beads::default());
        Ok(Self { mitigation, forces, inner, correction, seed, stream, beads, conditions })
    }

    /// Returns the number of evaluations of the model for one structure.
    pub fn evaluations(&self) -> usize {
        self.mitigation.evaluations() + usize::from(self.correction)
    }

    /// Returns the key of the random rotations of a structure.
    pub fn draw(&self, structure: u64) -> Draw {
        let (step, further) = self.beads.place(structure);
        Draw { seed: self.seed, step, stream: self.stream + further }
    }

    /// Returns the same policy with the stream raised by `further`.
    pub fn stream(&self, further: u32) -> Self {
        Self { stream: self.stream + further, ..self.clone() }
    }
}
