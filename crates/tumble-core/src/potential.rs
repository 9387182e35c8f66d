//! The seam between the driver and a model: what every potential says of itself and what it computes.

use std::collections::BTreeMap;

use crate::cancel::Cancel;
use crate::elements::{symbol, symbols};
use crate::error::{Error, Result};
pub use crate::forces::Forces;
use crate::graph::Graph;
use crate::neighbors::MAX_NEIGHBORS;
use crate::planner::{Limits, ModelCosts, RecomputeLevel};
use crate::rotation::{Matrix3, Vector3};

/// What the driver must know of a model. Lengths in Å, energies in eV.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Name, for messages.
    pub name: String,
    /// Longest edge, Å.
    pub cutoff: f64,
    /// An atom's energy depends on atoms up to `hops` edges away.
    pub hops: usize,
    /// Whether the energy is one of the whole structure, so that no part of it can be evaluated by itself.
    pub whole: bool,
    /// Atomic numbers that the model knows, ascending.
    pub species: Vec<u8>,
    /// Energy of a free atom of each species, eV, added by the driver.
    pub reference_energies: BTreeMap<u8, f64>,
    /// Kinds of forces that it offers, the preferred one first.
    pub forces: Vec<Forces>,
    /// Whether it gives ensemble energies.
    pub ensemble: bool,
}

impl ModelInfo {
    /// Refuses a kind of forces that the model does not give.
    ///
    /// # Errors
    /// [`Error::ForcesNotOffered`].
    pub fn check_forces(&self, wanted: Forces) -> Result<()> {
        if self.forces.contains(&wanted) {
            return Ok(());
        }
        let offered = self.forces.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
        Err(Error::ForcesNotOffered { model: self.name.clone(), wanted: wanted.name(), offered })
    }

    /// Refuses an element that the model does not know.
    ///
    /// # Errors
    /// [`Error::UnknownElement`].
    pub fn check_species(&self, species: &[u8]) -> Result<()> {
        let mut known = [false; 256];
        self.species.iter().for_each(|&z| known[z as usize] = true);
        match species.iter().find(|&&z| !known[z as usize]) {
            None => Ok(()),
            Some(&z) => Err(self.unknown_element(symbol(z))),
        }
    }

    /// Refuses a graph with elements that the model does not know, or with more neighbors than it is made for.
    ///
    /// # Errors
    /// [`Error::UnknownElement`] and [`Error::Crowded`].
    pub fn check(&self, graph: &Graph) -> Result<()> {
        self.check_species(&graph.species)?;
        match graph.max_neighbors() {
            found if found > MAX_NEIGHBORS => {
                Err(Error::Crowded { atoms: graph.n_atoms(), found, radius: self.cutoff, most: MAX_NEIGHBORS })
            }
            _ => Ok(()),
        }
    }

    /// The error for an element that the model does not know, by its symbol or whatever was given for one.
    pub fn unknown_element(&self, element: &str) -> Error {
        Error::UnknownElement { model: self.name.clone(), element: element.into(), known: symbols(&self.species) }
    }
}

/// What a model gives for one replica, in the frame of that replica.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Energy of each center without its reference energy `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Energies that each of the M ≥ 2 members of an ensemble gives the centers, without reference energies `[M][C]`,
    /// eV; empty without an ensemble.
    pub ensemble_energies: Vec<Vec<f64>>,
    /// What the forces are made of.
    pub derivative: Derivative,
}

/// What forces are made of, in the frame of the replica.
#[derive(Clone, Debug, PartialEq)]
pub enum Derivative {
    /// d(Σ weights · atomic energies)/d(edge vectors) `[E]`, eV/Å.
    EdgeGradients(Vec<Vector3>),
    /// Forces predicted for the centers `[C]`, eV/Å, and stress, eV/Å^3, if the model gives one.
    Direct {
        /// Forces `[C]`, eV/Å.
        forces: Vec<Vector3>,
        /// Stress, eV/Å^3.
        stress: Option<Matrix3>,
    },
}

/// Replicas of one graph, as a part of a run of a model.
#[derive(Clone, Copy, Debug)]
pub struct Replicas<'a> {
    /// At least one center; there may be no edges.
    pub graph: &'a Graph,
    /// One replica for each: its edge vectors are R v.
    pub rotations: &'a [Matrix3],
}

/// A model of the energy of a graph.
pub trait Potential: Send {
    /// What it is.
    fn info(&self) -> &ModelInfo;

    /// Evaluates one replica of the graph for each rotation, all together.
    ///
    /// The edge vectors of replica r are `rotations[r]` · v. Response r is in the frame of replica r.
    /// The graph has at least one center; it may have no edges.
    ///
    /// # Errors
    /// Whatever keeps the model from giving finite numbers.
    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>>;

    /// Evaluates replicas of several graphs; a model that can takes many in one run. Responses are in the order of
    /// `work`, then of the rotations, each as [`Potential::evaluate`] gives it.
    ///
    /// # Errors
    /// Whatever keeps the model from giving finite numbers, for any of the replicas.
    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let mut responses = Vec::new();
        for part in work {
            responses.extend(self.evaluate(part.graph, part.rotations, forces)?);
        }
        Ok(responses)
    }

    /// Evaluations from now on end when that is asked; one of [`Potential::evaluate`] that takes long looks at it.
    fn watch(&mut self, _cancel: &Cancel) {}

    /// Seconds spent inside the model so far, where that is known.
    fn seconds(&self) -> f64 {
        0.0
    }

    /// What it takes, for the [`planner`](crate::planner). A level that is asked for is opened before, so that the costs
    /// tell of it, be it that it is impossible; others may be unopened.
    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts;

    /// The workers and the provider that evaluate it, with so much memory for the model, bytes.
    fn limits(&self, memory: usize) -> Limits {
        Limits::one_worker(memory)
    }
}
