//! A neighbor list that outlives a step: candidates within cutoff + skin stay good until an atom has moved skin / 2.

use super::room::Room;
use super::{Candidates, candidates, check, edges};
use crate::error::Result;
use crate::execution::DEFAULT_MEMORY;
use crate::graph::{Graph, Joiner, Rows};
use crate::rotation::{dot, sub};
use crate::system::System;

/// Graphs of a structure that moves, equal to those of [`graph`](super::graph) at a fraction of their cost.
///
/// All memory is kept from one graph to the next: for thousands of atoms, to get it anew from the system takes as long as
/// what is done in it.
#[derive(Clone, Debug)]
pub struct NeighborList {
    cutoff: f64,
    skin: f64,
    threads: usize,
    /// Bytes that may be taken.
    memory: usize,
    /// The structure for which the candidates were found, none before the first.
    built: Option<System>,
    candidates: Candidates,
    half: Rows,
    joiner: Joiner,
    graph: Graph,
    rebuilds: usize,
}

impl NeighborList {
    /// A list for edges shorter than `cutoff`, with candidates up to `cutoff + skin`; both in Å. It is made by one thread,
    /// in [`DEFAULT_MEMORY`].
    pub fn new(cutoff: f64, skin: f64) -> Self {
        Self {
            cutoff,
            skin,
            threads: 1,
            memory: DEFAULT_MEMORY,
            built: None,
            candidates: Candidates::default(),
            half: Rows::default(),
            joiner: Joiner::default(),
            graph: Graph::default(),
            rebuilds: 0,
        }
    }

    /// The same, made by so many threads (large structures only), in at most so many bytes; 200 MiB are always allowed.
    #[must_use]
    pub fn within(self, threads: usize, memory: usize) -> Self {
        Self { threads: threads.max(1), memory, ..self }
    }

    /// The graph of the structure, for all that it has in common with the one before.
    ///
    /// # Errors
    /// Those of [`graph`](super::graph).
    pub fn graph(&mut self, system: &System) -> Result<&Graph> {
        check(system, self.cutoff, self.skin)?;
        if !self.holds(system) {
            self.rebuild(system)?;
        }
        edges(system, &self.candidates, self.cutoff, self.threads, &mut self.half)?;
        self.joiner.join(&system.species, &self.half, &mut self.graph);
        self.graph.volume = (system.cell.periodic() == [true; 3]).then(|| system.cell.volume());
        Ok(&self.graph)
    }

    /// Forgets the candidates, but keeps the memory: the next graph searches them anew.
    pub fn forget(&mut self) {
        self.built = None;
    }

    /// The graph that was made last.
    pub fn last(&self) -> &Graph {
        &self.graph
    }

    /// Memory that it has taken, bytes.
    pub fn bytes(&self) -> usize {
        self.candidates.bytes() + self.half.bytes() + self.joiner.bytes() + self.graph.bytes()
    }

    /// The same, without the list.
    pub fn into_last(self) -> Graph {
        self.graph
    }

    /// How often the candidates were searched, the first time included.
    pub fn rebuilds(&self) -> usize {
        self.rebuilds
    }

    fn rebuild(&mut self, system: &System) -> Result<()> {
        self.built = None;
        let radius = self.cutoff + self.skin;
        let room = Room::new(system.len(), radius, self.memory);
        candidates(system, radius, &room, self.threads, &mut self.candidates)?;
        self.built = Some(system.clone());
        self.rebuilds += 1;
        Ok(())
    }

    /// Whether every pair within the cutoff is among the candidates: two atoms come closer by at most 2 · skin / 2.
    fn holds(&self, system: &System) -> bool {
        let Some(built) = &self.built else { return false };
        let most = (self.skin / 2.0).powi(2);
        let near = |(x, y)| {
            let d = sub(x, y);
            dot(d, d) <= most
        };
        let moved = || built.positions.iter().copied().zip(system.positions.iter().copied()).all(near);
        built.species == system.species && built.cell == system.cell && moved()
    }
}
