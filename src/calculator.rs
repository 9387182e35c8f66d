//! The one entry that every front end uses: a structure or a graph in, an averaged evaluation out.

use std::path::{Path, PathBuf};

use crate::average::average;
pub use crate::average::{Evaluation, Spread};
use crate::error::Result;
use crate::graph::Graph;
use crate::neighbors;
pub use crate::onnx::Device;
use crate::onnx::{OnnxPotential, Options};
use crate::potential::{Forces, ModelInfo, Potential};
use crate::quadrature::Mitigation;
use crate::system::System;

/// How to evaluate a model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which rotations to average over; the grammar of [`Mitigation::parse`].
    pub mitigation: String,
    /// Whether every rotation is accompanied by its inversion.
    pub inversion: bool,
    /// Seed of the random rotations.
    pub seed: u64,
    /// Threads of one run of the model.
    pub threads: usize,
    /// Working memory by which batches of rotations are cut, MiB.
    pub memory_mb: usize,
    /// Which forces to use; `None`: what the model prefers.
    pub forces: Option<Forces>,
    /// Where the model runs.
    pub device: Device,
    /// ONNX Runtime's shared library; `None`: searched for.
    pub library: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mitigation: "none".into(),
            inversion: false,
            seed: 0,
            threads: 1,
            // More is slower: what a batch works on no longer fits into the processor's caches. Measured for 48 replicas of
            // 192 atoms: 20 ms a replica at 32 MiB, 30 at 256, 50 to 90 at 1024 and above.
            memory_mb: 32,
            forces: None,
            device: Device::Cpu,
            library: None,
        }
    }
}

/// A model with the policy by which its symmetry is mended.
pub struct Calculator {
    potential: Box<dyn Potential>,
    mitigation: Mitigation,
    forces: Forces,
    seed: u64,
    memory: usize,
    origin: String,
    notes: Vec<String>,
}

impl Calculator {
    /// A calculator for an ONNX model.
    ///
    /// # Errors
    /// Everything that can be wrong with the file, the settings, or the installation of ONNX Runtime.
    pub fn load(model: &Path, settings: &Settings) -> Result<Self> {
        // The grammar is checked first: it is quick, and a long load that ends in a typing error annoys.
        Mitigation::parse(&settings.mitigation, settings.inversion)?;
        let options = Options { threads: settings.threads, device: settings.device, library: settings.library.clone() };
        let potential = OnnxPotential::load(model, &options)?;
        let origin = format!("{}, sha256 {}", model.display(), potential.sha256());
        let notes = potential.notes().to_vec();
        Ok(Self { origin, notes, ..Self::new(Box::new(potential), settings)? })
    }

    /// A calculator for any potential.
    ///
    /// # Errors
    /// A mitigation that cannot be parsed, or forces that the potential does not offer.
    pub fn new(potential: Box<dyn Potential>, settings: &Settings) -> Result<Self> {
        let offered = &potential.info().forces;
        let forces = settings.forces.unwrap_or_else(|| offered.first().copied().unwrap_or_default());
        potential.info().check_forces(forces)?;
        let mitigation = Mitigation::parse(&settings.mitigation, settings.inversion)?;
        let (seed, memory) = (settings.seed, settings.memory_mb << 20);
        Ok(Self { potential, mitigation, forces, seed, memory, origin: "built in".into(), notes: vec![] })
    }

    /// Where the model comes from, for logs: file and SHA-256, since a flipped bit in a weight loads without complaint.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the user should know of how the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the model says of itself.
    pub fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    /// Which rotations are averaged over.
    pub fn mitigation(&self) -> &Mitigation {
        &self.mitigation
    }

    /// Evaluates a graph. `step` chooses the random rotations, if there are any: the same (seed, step) is the same
    /// rotation, on every rank and in every run.
    ///
    /// # Errors
    /// An element that the model does not know, or whatever keeps the model from giving finite numbers.
    pub fn evaluate(&mut self, graph: &Graph, step: u64) -> Result<Evaluation> {
        self.info().check_species(&graph.species)?;
        let quadrature = self.mitigation.quadrature(self.seed, step);
        average(self.potential.as_mut(), graph, &quadrature, self.forces, self.memory)
    }

    /// Evaluates a structure; as [`Calculator::evaluate`], with the neighbor list made here.
    ///
    /// # Errors
    /// Those of [`Calculator::evaluate`], and of the neighbor list.
    pub fn evaluate_system(&mut self, system: &System, step: u64) -> Result<Evaluation> {
        self.info().check_species(&system.species)?;
        self.evaluate(&neighbors::graph(system, self.info().cutoff)?, step)
    }
}
