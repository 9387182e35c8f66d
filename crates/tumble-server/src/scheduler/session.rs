//! The simulation at the other side of a connection: what it wants, and its request while that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tumble_core::neighbors::NeighborList;
use tumble_core::policy::Policy;
use tumble_ipi::message::Transport;
use tumble_ipi::wire::Structure;

use crate::scheduler::Key;
use crate::scheduler::request::{Pending, Request};

/// What an `INIT` has brought about.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Atomic numbers `[N]` of all structures that will come.
    pub species: Vec<u8>,
    /// Structures in a message.
    pub batch: usize,
    /// How they travel.
    pub transport: Transport,
    /// Along which cell vectors they repeat; `None`: along all that are not zero.
    pub periodic: Option<[bool; 3]>,
    /// What is wanted of the model.
    pub policy: Policy,
    /// Streams of random rotations, from that of the policy on, for the structures of a step in turn.
    pub streams: u32,
    /// How many structures make a step: beads of a ring polymer.
    pub beads: u64,
    /// Number of the first step.
    pub first_step: u64,
    /// Structures so far, of all connections that share it. Structure k belongs to step first + k / beads.
    pub counter: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(super) struct Session {
    config: Arc<SessionConfig>,
    pending: Vec<Pending>,
    /// Neighbors of each structure of the request before.
    lists: Vec<NeighborList>,
    /// Memory that these take, bytes.
    pub kept: usize,
}

impl Session {
    /// One that has asked for nothing yet.
    pub fn new(config: SessionConfig) -> Self {
        Self { config: Arc::new(config), pending: vec![], lists: vec![], kept: 0 }
    }

    /// Takes a request in.
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

    /// The request, to be evaluated elsewhere.
    pub fn take_request(&mut self, key: Key) -> Request {
        self.kept = 0;
        let (pending, lists) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.lists));
        Request::new(key, Arc::clone(&self.config), pending, lists)
    }

    /// Keeps what is known of neighbors for the next request.
    pub fn keep(&mut self, lists: Vec<NeighborList>) {
        self.kept = lists.iter().map(|list| size_of::<NeighborList>() + list.bytes()).sum();
        self.lists = lists;
    }

    /// Gives back what is known of neighbors.
    pub fn forget_neighbors(&mut self) {
        (self.kept, self.lists) = (0, vec![]);
    }

    /// The request will never be answered.
    pub fn forget(&mut self) {
        self.pending.clear();
    }
}
