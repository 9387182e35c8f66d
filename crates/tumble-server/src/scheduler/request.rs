//! A request of one simulation, on its way through the evaluator.

use std::sync::Arc;

use tumble_core::batch::Task;
use tumble_core::cancel::Cancel;
use tumble_core::neighbors::{NeighborList, pairs_within};
use tumble_core::policy::Policy;
use tumble_core::potential::Potential;
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::system::System;
use tumble_ipi::wire::Structure;

use crate::error::{Error, Result};
use crate::scheduler::session::SessionConfig;
use crate::scheduler::{Key, Limits};

/// Verlet skin, Å: atoms may move by half of it before the neighbor list is rebuilt.
const SKIN: f64 = 0.5;

/// The least cost of a replica, in edges: its result, and its energy as text.
const EDGES_PER_REPLICA: usize = 1000;

/// A structure to evaluate.
#[derive(Debug)]
pub(super) struct Pending {
    structure: Structure,
    system: Option<System>,
    /// Step number; it selects the random rotations.
    step: u64,
    /// `None`: the session's policy.
    policy: Option<Policy>,
}

impl Pending {
    pub fn new(structure: Structure, step: u64, policy: Option<Policy>) -> Self {
        Self { structure, system: None, step, policy }
    }
}

#[derive(Debug)]
pub(super) struct Request {
    pub key: Key,
    /// Set when the connection has closed.
    pub cancel: Cancel,
    config: Arc<SessionConfig>,
    pending: Vec<Pending>,
    lists: Vec<NeighborList>,
}

impl Request {
    pub fn new(key: Key, config: Arc<SessionConfig>, pending: Vec<Pending>, lists: Vec<NeighborList>) -> Self {
        Self { key, cancel: Cancel::default(), config, pending, lists }
    }

    /// Finds the neighbors of all structures, and checks the limit of work.
    pub fn prepare(&mut self, potential: &dyn Potential, limits: &Limits) -> Result<()> {
        let (cutoff, threads) = (potential.info().cutoff, potential.limits(limits.memory).workers);
        let list = || NeighborList::new(cutoff, SKIN).within(threads, limits.memory);
        self.lists.resize_with(self.pending.len(), list);
        let (mut edges, most) = (0, 2 * pairs_within(limits.memory));
        for (pending, list) in self.pending.iter_mut().zip(&mut self.lists) {
            self.cancel.check()?;
            edges += list.graph(pending.system(&self.config)?)?.n_edges();
            if edges > most {
                let atoms = self.config.species.len() * self.config.batch;
                let (pairs, memory) = (most / 2, limits.memory);
                return Err(tumble_core::Error::TooManyPairs { atoms, pairs, radius: cutoff, memory }.into());
            }
        }
        self.check_work(edges, limits)
    }

    fn check_work(&self, edges: usize, limits: &Limits) -> Result<()> {
        let work = |task: Task| (task.graph.n_edges().max(EDGES_PER_REPLICA) * task.policy.evaluations()) as f64;
        let (found, most) = (self.tasks().map(work).sum::<f64>(), limits.max_work);
        if found <= most {
            return Ok(());
        }
        let rotations = self.tasks().map(|task| task.policy.evaluations()).max().unwrap_or(0);
        Err(Error::TooMuchWork { structures: self.pending.len(), edges, rotations, work: found, most })
    }

    /// The tasks for the model; call [`Request::prepare`] first.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let own = &self.config.policy;
        let pairs = self.pending.iter().zip(&self.lists);
        pairs.map(move |(pending, list)| Task {
            graph: list.last(),
            policy: pending.policy.as_ref().unwrap_or(own),
            step: pending.step,
        })
    }

    /// Number of structures.
    pub fn structures(&self) -> usize {
        self.pending.len()
    }

    /// Atoms of all structures.
    pub fn atoms(&self) -> usize {
        self.config.species.len() * self.pending.len()
    }

    /// Working memory of all replicas together, bytes: a measure of the evaluation's duration.
    pub fn cost(&self, potential: &dyn Potential) -> usize {
        let cost = |task: Task| bytes_per_replica(potential, task.graph).saturating_mul(task.policy.evaluations());
        self.tasks().map(cost).fold(0, usize::saturating_add)
    }

    /// Memory of the neighbor lists, bytes.
    pub fn bytes(&self) -> usize {
        self.lists.iter().map(NeighborList::bytes).sum()
    }

    /// Frees the neighbor lists; [`Request::prepare`] builds them again.
    pub fn forget_neighbors(&mut self) {
        self.lists.clear();
    }

    /// Returns the neighbor lists, for reuse.
    pub fn into_lists(self) -> Vec<NeighborList> {
        self.lists
    }
}

impl Pending {
    fn system(&mut self, config: &SessionConfig) -> Result<&System> {
        if self.system.is_none() {
            let cell = self.structure.cell(config.periodic)?;
            let positions = std::mem::take(&mut self.structure.positions);
            let conditions = config.policy.conditions;
            self.system = Some(System { conditions, ..System::new(positions, config.species.clone(), cell)? });
        }
        Ok(self.system.as_ref().expect("it was made"))
    }
}
