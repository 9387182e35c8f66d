//! The session of a simulation: its configuration from the `INIT`, and its waiting request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tumble_core::neighbors::NeighborList;
use tumble_core::policy::Policy;
use tumble_ipi::message::Transport;
use tumble_ipi::wire::Structure;

use crate::scheduler::Key;
use crate::scheduler::request::{Pending, Request};

/// Configuration of a session, from its `INIT`.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Atomic numbers `[N]` of each structure.
    pub species: Vec<u8>,
    /// Structures per message.
    pub batch: usize,
    /// How structures and results are sent.
    pub transport: Transport,
    /// Periodic cell vectors; `None`: all nonzero ones.
    pub periodic: Option<[bool; 3]>,
    /// Evaluation of the model: mitigation, kind of forces, correction.
    pub policy: Policy,
    /// Number of streams of random rotations, counted from the policy's; the structures of a step take them in turn.
    pub streams: u32,
    /// Structures per step: beads of a ring polymer.
    pub beads: u64,
    /// Number of the first step.
    pub first_step: u64,
    /// Structures so far, over all connections that share it. Structure k belongs to step first_step + k / beads.
    pub counter: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(super) struct Session {
    config: Arc<SessionConfig>,
    pending: Vec<Pending>,
    /// Neighbor lists of the previous request, one per structure.
    lists: Vec<NeighborList>,
    /// Memory of the lists, bytes.
    pub kept: usize,
}

impl Session {
    /// A session without a request.
    pub fn new(config: SessionConfig) -> Self {
        Self { config: Arc::new(config), pending: vec![], lists: vec![], kept: 0 }
    }

    /// Stores a request.
    pub fn accept_request(&mut self, structures: Vec<Structure>) {
        let SessionConfig { counter, beads, streams, first_step, policy, .. } = &*self.config;
        let number = |structure| {
            let count = counter.fetch_add(1, Ordering::Relaxed);
            let stream = (count % beads) as u32 % streams;
            Pending::new(structure, first_step.wrapping_add(count / beads), (stream > 0).then(|| policy.stream(stream)))
        };
        self.pending = structures.into_iter().map(number).collect();
    }

    /// Structures in the request.
    pub fn structures(&self) -> usize {
        self.pending.len()
    }

    /// Returns the request, for the evaluator.
    pub fn take_request(&mut self, key: Key) -> Request {
        self.kept = 0;
        let (pending, lists) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.lists));
        Request::new(key, Arc::clone(&self.config), pending, lists)
    }

    /// Caches the neighbor lists for the next request.
    pub fn keep(&mut self, lists: Vec<NeighborList>) {
        self.kept = lists.iter().map(|list| size_of::<NeighborList>() + list.bytes()).sum();
        self.lists = lists;
    }

    /// Frees the neighbor lists.
    pub fn forget_neighbors(&mut self) {
        (self.kept, self.lists) = (0, vec![]);
    }

    /// Drops the request: it needs no answer any more.
    pub fn forget(&mut self) {
        self.pending.clear();
    }
}
