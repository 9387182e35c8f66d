//! STUB: stands for the calculator until it is merged. Any file is a model: a Gaussian repulsion without periodicity.

use std::path::{Path, PathBuf};

use crate::elements::{symbol, symbols};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::potential::{Forces, ModelInfo, Potential};
use crate::rotation::{Matrix3, Vector3, add, dot, scale, sub};
use crate::system::System;

/// Where the model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A CUDA device.
    Cuda,
}

/// How to evaluate a model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the mitigation.
    pub mitigation: String,
    /// Whether -R is added for every R.
    pub inversion: bool,
    /// Seed of random rotations.
    pub seed: u64,
    /// Threads of the model.
    pub threads: usize,
    /// Working memory, MB.
    pub memory_mb: usize,
    /// Kind of forces; the model's preferred kind if none.
    pub forces: Option<Forces>,
    /// Where the model runs.
    pub device: Device,
    /// The ONNX Runtime library.
    pub library: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mitigation: "none".into(),
            inversion: false,
            seed: 0,
            threads: 1,
            memory_mb: 1024,
            forces: None,
            device: Device::Cpu,
            library: None,
        }
    }
}

/// Weighted standard deviations over the replicas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// eV.
    pub energy: f64,
    /// `[N]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Of each component `[N]`, eV/Å.
    pub forces: Vec<Vector3>,
    /// eV.
    pub virial: Option<Matrix3>,
}

/// Results in the laboratory frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// eV.
    pub energy: f64,
    /// `[N]`, eV.
    pub atomic_energies: Vec<f64>,
    /// `[N]`, eV/Å.
    pub forces: Vec<Vector3>,
    /// -dU/d(strain), symmetrised, eV.
    pub virial: Option<Matrix3>,
    /// Residual torque, eV.
    pub torque: Vector3,
    /// Standard deviations over the replicas.
    pub spread: Spread,
    /// Energy of each replica, eV.
    pub replica_energies: Vec<f64>,
    /// Evaluations of the model.
    pub evaluations: usize,
}

impl Evaluation {
    /// Whether there are several replicas, so that their spread means something.
    pub fn replicated(&self) -> bool {
        self.replica_energies.len() > 1
    }
}

/// Evaluates structures.
pub struct Calculator {
    info: ModelInfo,
    replicas: usize,
}

impl Calculator {
    /// Loads a model.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn load(model: &Path, settings: &Settings) -> Result<Self> {
        std::fs::read(model).map_err(|cause| Error::Read { path: model.into(), cause })?;
        let info = ModelInfo {
            name: "stub".into(),
            cutoff: 4.0,
            hops: 1,
            species: vec![1, 8],
            reference_energies: [(1, -13.6), (8, -432.0)].into(),
            forces: vec![Forces::Conservative],
        };
        Ok(Self { info, replicas: if settings.mitigation == "none" { 1 } else { 12 } })
    }

    /// Any potential.
    ///
    /// # Errors
    /// Never.
    pub fn new(potential: Box<dyn Potential>, _settings: &Settings) -> Result<Self> {
        Ok(Self { info: potential.info().clone(), replicas: 1 })
    }

    /// The model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Evaluates a graph.
    ///
    /// # Errors
    /// Never: the stub panics.
    pub fn evaluate(&mut self, _graph: &Graph, _step: u64) -> Result<Evaluation> {
        unimplemented!("stub")
    }

    /// Evaluates a structure.
    ///
    /// # Errors
    /// [`Error::UnknownElement`].
    pub fn evaluate_system(&mut self, system: &System, _step: u64) -> Result<Evaluation> {
        if let Some(&z) = system.species.iter().find(|z| !self.info.species.contains(z)) {
            let (element, known) = (symbol(z).into(), symbols(&self.info.species));
            return Err(Error::UnknownElement { model: self.info.name.clone(), element, known });
        }
        let (atomic_energies, forces) = repulsion(&system.positions);
        let energy = atomic_energies.iter().sum();
        let zero = Some([[0.0; 3]; 3]);
        let n = system.len();
        let spread = Spread { energy: 0.0, atomic_energies: vec![0.0; n], forces: vec![[0.0; 3]; n], virial: zero };
        let replica_energies = vec![energy; self.replicas];
        let evaluations = self.replicas;
        let (virial, torque) = (zero, [0.0; 3]);
        Ok(Evaluation { energy, atomic_energies, forces, virial, torque, spread, replica_energies, evaluations })
    }
}

/// Energies and forces of exp(-r²) between all pairs.
fn repulsion(positions: &[Vector3]) -> (Vec<f64>, Vec<Vector3>) {
    let atom = |i: usize| {
        let others = (0..positions.len()).filter(move |&j| j != i).map(|j| sub(positions[i], positions[j]));
        others.fold((0.0, [0.0; 3]), |(energy, force), d| {
            let u = (-dot(d, d)).exp();
            (energy + 0.5 * u, add(force, scale(d, 2.0 * u)))
        })
    };
    (0..positions.len()).map(atom).unzip()
}
