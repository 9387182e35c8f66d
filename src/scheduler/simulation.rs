//! The simulation at the other side of a connection: what it wants, and its request while that waits.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::Result;
use crate::ipi::message::Carrier;
use crate::ipi::wire::Structure;
use crate::neighbors::NeighborList;
use crate::policy::Policy;
use crate::system::System;
use crate::together::Task;

/// Å that atoms may move, half of it each, before neighbors are sought again.
const SKIN: f64 = 0.5;

/// What an `INIT` has brought about.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Atomic numbers `[N]` of all structures that will come.
    pub species: Vec<u8>,
    /// Structures in a message.
    pub batch: usize,
    /// How they travel.
    pub carrier: Carrier,
    /// Along which cell vectors they repeat; `None`: along all that are not zero.
    pub periodic: Option<[bool; 3]>,
    /// What is wanted of the model, for the structures of a step in turn.
    pub policies: Vec<Policy>,
    /// How many structures make a step: beads of a ring polymer.
    pub beads: u64,
    /// Number of the first step.
    pub first_step: u64,
    /// Structures so far, of all connections that share it. Structure k belongs to step first + k / beads.
    pub counter: Rc<Cell<u64>>,
}

/// A structure that waits.
#[derive(Debug)]
struct Pending {
    structure: Structure,
    /// Chooses the random rotations.
    step: u64,
    /// Index of its policy.
    policy: usize,
}

#[derive(Debug)]
pub(super) struct Simulation {
    setup: Setup,
    /// Neighbors of each structure of a batch.
    lists: Vec<NeighborList>,
    request: Vec<Pending>,
}

impl Simulation {
    /// One that has asked for nothing yet; `cutoff` of the model, Å.
    pub fn new(setup: Setup, cutoff: f64) -> Self {
        Self { lists: vec![NeighborList::new(cutoff, SKIN); setup.batch], setup, request: vec![] }
    }

    /// Takes a request in.
    pub fn ask(&mut self, structures: Vec<Structure>) {
        let Setup { counter, beads, policies, first_step, .. } = &self.setup;
        let number = |structure| {
            let count = counter.replace(counter.get() + 1);
            let policy = (count % beads) as usize % policies.len();
            Pending { structure, step: first_step.wrapping_add(count / beads), policy }
        };
        self.request = structures.into_iter().map(number).collect();
    }

    /// Structures in the request.
    pub fn structures(&self) -> usize {
        self.request.len()
    }

    /// Finds the neighbors of all structures of the request.
    pub fn prepare(&mut self) -> Result<()> {
        for (pending, list) in self.request.iter_mut().zip(&mut self.lists) {
            let cell = pending.structure.cell(self.setup.periodic)?;
            let positions = std::mem::take(&mut pending.structure.positions);
            list.graph(&System::new(positions, self.setup.species.clone(), cell)?)?;
        }
        Ok(())
    }

    /// What the model is to do, once the neighbors are known.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let policies = &self.setup.policies;
        let pairs = self.request.iter().zip(&self.lists);
        pairs.map(|(pending, list)| Task { graph: list.last(), policy: &policies[pending.policy], step: pending.step })
    }

    /// The request is answered, or will never be.
    pub fn forget(&mut self) {
        self.request.clear();
    }
}
