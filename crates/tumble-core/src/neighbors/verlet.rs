//! A Verlet list: candidates within cutoff + skin stay valid until an atom has moved by skin / 2.

use std::mem;

use super::pair_limit::PairLimit;
use super::{Candidates, candidates, check, edges};
use crate::conditions::Conditions;
use crate::error::Result;
use crate::execution::DEFAULT_MEMORY;
use crate::graph::{EdgeRows, FullListBuilder, Graph};
use crate::rotation::{dot, sub};
use crate::system::System;

/// Builds the graphs of a moving structure, equal to the graphs of [`graph`](super::graph), at a fraction of their
/// cost.
///
/// All buffers are reused from one graph to the next: for thousands of atoms, allocating them takes as long as filling
/// them.
#[derive(Clone, Debug)]
pub struct NeighborList {
    cutoff: f64,
    skin: f64,
    threads: usize,
    /// Memory limit, bytes.
    memory: usize,
    /// Conditions of structures that have none of their own.
    conditions: Conditions,
    /// The structure of the last search; `None` before the first.
    built: Option<System>,
    candidates: Candidates,
    half: EdgeRows,
    builder: FullListBuilder,
    graph: Graph,
    rebuilds: usize,
}

impl NeighborList {
    /// A list of edges shorter than `cutoff`, with candidates up to `cutoff + skin`; both in Å. It uses one thread and
    /// at most [`DEFAULT_MEMORY`].
    pub fn new(cutoff: f64, skin: f64) -> Self {
        Self {
            cutoff,
            skin,
            threads: 1,
            memory: DEFAULT_MEMORY,
            conditions: Conditions::default(),
            built: None,
            candidates: Candidates::default(),
            half: EdgeRows::default(),
            builder: FullListBuilder::default(),
            graph: Graph::default(),
            rebuilds: 0,
        }
    }

    /// Sets the number of threads (used for large structures only) and the memory limit in bytes; 200 MiB are always
    /// allowed.
    #[must_use]
    pub fn within(self, threads: usize, memory: usize) -> Self {
        Self { threads: threads.max(1), memory, ..self }
    }

    /// Sets the conditions of structures that have none of their own.
    #[must_use]
    pub fn under(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// Returns the graph of the structure; searches candidates only if the last ones do not cover it.
    ///
    /// # Errors
    /// The errors of [`graph`](super::graph).
    pub fn graph(&mut self, system: &System) -> Result<&Graph> {
        check(system, self.cutoff, self.skin)?;
        if !self.holds(system) {
            self.rebuild(system)?;
        }
        edges(system, &self.candidates, self.cutoff, self.threads, &mut self.half)?;
        self.builder.build(&system.species, &self.half, &mut self.graph);
        self.graph.volume = (system.cell.periodic() == [true; 3]).then(|| system.cell.volume());
        self.graph.conditions = system.conditions.or(self.conditions);
        Ok(&self.graph)
    }

    /// Drops the candidates but keeps the buffers: the next graph starts with a new search.
    pub fn forget(&mut self) {
        self.built = None;
    }

    /// Returns the last graph.
    pub fn last(&self) -> &Graph {
        &self.graph
    }

    /// Memory in use, bytes.
    pub fn bytes(&self) -> usize {
        self.candidates.bytes() + self.half.bytes() + self.builder.bytes() + self.graph.bytes()
    }

    /// Takes the last graph out of the list; the other buffers stay.
    pub fn take_last(&mut self) -> Graph {
        mem::take(&mut self.graph)
    }

    /// Consumes the list and returns the last graph.
    pub fn into_last(self) -> Graph {
        self.graph
    }

    /// Number of searches for candidates, the first included.
    pub fn rebuilds(&self) -> usize {
        self.rebuilds
    }

    fn rebuild(&mut self, system: &System) -> Result<()> {
        self.built = None;
        let radius = self.cutoff + self.skin;
        let limit = PairLimit::new(system.len(), radius, self.memory);
        candidates(system, radius, &limit, self.threads, &mut self.candidates)?;
        self.built = Some(system.clone());
        self.rebuilds += 1;
        Ok(())
    }

    /// Whether the candidates include every pair within the cutoff: two atoms come closer by at most 2 · skin / 2.
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
