//! The interface between the calculation and a model: [`Potential`], its [`ModelInfo`] and its [`Response`].

mod conditions;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::conditions::Condition;
use crate::elements::{symbol, symbols};
use crate::error::{Error, Result};
pub use crate::forces::Forces;
use crate::graph::Graph;
use crate::neighbors::MAX_NEIGHBORS;
use crate::outputs::{Output, OutputInfo};
use crate::planner::{Limits, ModelCosts, RecomputeLevel};
use crate::rotation::{Matrix3, Vector3};

/// The properties of a model. Lengths in Å, energies in eV.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Name in messages.
    pub name: String,
    /// Cutoff: length of the longest edge, Å.
    pub cutoff: f64,
    /// Receptive field: an atom's energy depends on atoms up to `hops` edges away.
    pub hops: usize,
    /// Whether the model has a global energy, so that no part of a structure can be evaluated by itself.
    pub whole: bool,
    /// Atomic numbers that the model knows, ascending.
    pub species: Vec<u8>,
    /// Energy of a free atom of each species, eV; the average adds it.
    pub reference_energies: BTreeMap<u8, f64>,
    /// Kinds of forces that the model offers, the preferred one first.
    pub forces: Vec<Forces>,
    /// Whether the model is an ensemble, with an energy of each member.
    pub ensemble: bool,
    /// Conditions of a structure that the model needs.
    pub conditions: Vec<Condition>,
    /// Conditions of which the model knows whole numbers only, with the least and the largest.
    pub whole_numbers: Vec<(Condition, [i64; 2])>,
    /// Outputs besides the energy and its derivatives, by name.
    pub outputs: Vec<Arc<OutputInfo>>,
}

impl ModelInfo {
    /// Refuses a kind of forces that the model does not offer.
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

    /// Refuses a graph with elements or conditions that do not fit the model, or an atom with more than
    /// [`MAX_NEIGHBORS`].
    ///
    /// # Errors
    /// [`Error::UnknownElement`], the errors of [`ModelInfo::check_conditions`] and
    /// [`Error::Crowded`].
    pub fn check(&self, graph: &Graph) -> Result<()> {
        self.check_species(&graph.species)?;
        self.check_conditions(&graph.conditions)?;
        match graph.max_neighbors() {
            found if found > MAX_NEIGHBORS => {
                Err(Error::Crowded { atoms: graph.n_atoms(), found, radius: self.cutoff, most: MAX_NEIGHBORS })
            }
            _ => Ok(()),
        }
    }

    /// Returns the error for an element that the model does not know. `element` is its symbol, or the user's text for
    /// it.
    pub fn unknown_element(&self, element: &str) -> Error {
        Error::UnknownElement { model: self.name.clone(), element: element.into(), known: symbols(&self.species) }
    }
}

/// The result of a model for one replica, in the frame of that replica.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Energy of each center without its reference energy `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Energies of the centers by each of the M ≥ 2 members of an ensemble, without reference energies `[M][C]`, eV;
    /// empty without an ensemble.
    pub ensemble_energies: Vec<Vec<f64>>,
    /// Edge gradients or direct forces.
    pub derivative: Derivative,
    /// The other outputs, with a value for each center.
    pub outputs: Vec<Output>,
    /// Derivatives of the M members of a [committee](crate::committee) `[M]`; empty without one.
    pub member_derivatives: Vec<Derivative>,
}

/// The source of the forces, in the frame of the replica.
#[derive(Clone, Debug, PartialEq)]
pub enum Derivative {
    /// d(Σ weights · atomic energies)/d(edge vectors) `[E]`, eV/Å.
    EdgeGradients(Vec<Vector3>),
    /// Forces predicted for the centers, and stress, if the model gives one.
    Direct {
        /// Forces `[C]`, eV/Å.
        forces: Vec<Vector3>,
        /// Stress, eV/Å^3.
        stress: Option<Matrix3>,
    },
}

/// The edges of a graph that a model keeps after it has pruned the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptEdges {
    /// Number of edges.
    pub edges: usize,
    /// Memory of their list, bytes.
    pub bytes: usize,
}

/// Replicas of one graph, as a part of a run of the model.
#[derive(Clone, Copy, Debug)]
pub struct Replicas<'a> {
    /// The graph, with at least one center; it may have no edges.
    pub graph: &'a Graph,
    /// Rotations R, one per replica: its edge vectors are R v.
    pub rotations: &'a [Matrix3],
}

/// A model of the energy of a graph.
pub trait Potential: Send {
    /// Returns the properties of the model.
    fn info(&self) -> &ModelInfo;

    /// Evaluates one replica of the graph for each rotation, all in one call.
    ///
    /// The edge vectors of replica r are `rotations[r]` · v. Response r is in the frame of replica r.
    /// The graph has at least one center; it may have no edges.
    ///
    /// # Errors
    /// A failed run, or a result that is not finite.
    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>>;

    /// Evaluates replicas of several graphs, many in one run if the model supports it. The responses are those of
    /// [`Potential::evaluate`], in the order of `work`, then of the rotations.
    ///
    /// # Errors
    /// The error of any replica: a failed run, or a result that is not finite.
    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let mut responses = Vec::new();
        for part in work {
            responses.extend(self.evaluate(part.graph, part.rotations, forces)?);
        }
        Ok(responses)
    }

    /// Lets `cancel` end the evaluations from now on; long ones should check it while they run.
    fn watch(&mut self, _cancel: &Cancel) {}

    /// Returns the seconds spent inside the model so far; 0 if unknown.
    fn seconds(&self) -> f64 {
        0.0
    }

    /// Counts the edges of a graph that the model keeps; `None` if it prunes none, or cannot be evaluated in stages.
    ///
    /// # Errors
    /// The errors of [`Potential::evaluate`].
    fn kept_edges(&mut self, _graph: &Graph) -> Result<Option<KeptEdges>> {
        Ok(None)
    }

    /// Returns the costs of the model, for the [`planner`](crate::planner). A requested level is opened first, so that
    /// its costs are known, or that it is known to be impossible; other levels may be unopened.
    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts;

    /// Returns the number of stages between which ranks can exchange messages ([`Domain`](crate::domain::Domain)).
    ///
    /// # Errors
    /// The reason why they cannot, as the rest of a sentence.
    fn stages(&self) -> std::result::Result<usize, String> {
        Err("the potential is evaluated in one piece only".into())
    }

    /// Returns the workers and the provider that evaluate the model, with `memory` bytes for it.
    fn limits(&self, memory: usize) -> Limits {
        Limits::one_worker(memory)
    }

    /// Returns the number of members of a [committee](crate::committee); 0 for a single model.
    fn members(&self) -> usize {
        0
    }
}
