//! Costs of a model as plain data, and the working memory that it needs for a graph.

use super::stages::fastest_stages;
use crate::graph::Graph;

/// The size of a graph, as input of its costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphSize {
    /// Number of atoms N.
    pub atoms: usize,
    /// Number of centers C.
    pub centers: usize,
    /// Number of edges E.
    pub edges: usize,
    /// Largest number of neighbors of a center.
    pub widest: usize,
}

impl GraphSize {
    /// Returns the size of a graph.
    pub fn of(graph: &Graph) -> Self {
        let (atoms, centers) = (graph.n_atoms(), graph.n_centers());
        Self { atoms, centers, edges: graph.n_edges(), widest: graph.max_neighbors() }
    }
}

/// The number of slots for the edges of a replica in a model's tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlotRule {
    /// One slot for each edge.
    #[default]
    Edges,
    /// For each center as many slots as the widest center of the run has neighbors.
    Padded,
    /// The same, but at most so many slots: the neighbors that the model keeps.
    Pruned(usize),
}

impl SlotRule {
    /// Returns the slots of a graph in a run with at most `widest` neighbors of a center.
    fn slots(self, size: GraphSize, widest: usize) -> usize {
        let slots = match self {
            Self::Edges => size.edges,
            Self::Padded => size.centers * size.widest.max(widest).max(1),
            Self::Pruned(kept) => size.centers * size.widest.max(widest).clamp(1, kept),
        };
        slots.max(1)
    }
}

/// How much of a stage is kept for later stages, and how much is recomputed in the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecomputeLevel {
    /// Recompute least.
    Speed,
    /// Between the two others.
    Balanced,
    /// Keep least.
    Memory,
}

impl RecomputeLevel {
    /// All levels, from least time to least memory.
    pub const ALL: [Self; 3] = [Self::Speed, Self::Balanced, Self::Memory];

    /// Returns the number of matrix products that a kept tensor must save. One or two take about as long as writing and
    /// reading a tensor.
    pub fn matmuls(self) -> usize {
        match self {
            Self::Speed => 1,
            Self::Balanced => 2,
            Self::Memory => 3,
        }
    }

    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Balanced => "balanced",
            Self::Memory => "memory",
        }
    }
}

/// The state of a model partitioned into stages at one [`RecomputeLevel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Unknown, as the level has not been opened.
    Unopened,
    /// The model cannot be partitioned at this level.
    #[default]
    Impossible,
    /// Bytes kept between stages for each edge slot.
    Keeps(usize),
}

/// The partition of a model into stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// Working memory that the model was opened with, bytes.
    pub memory: usize,
    /// States of the levels, in the order of [`RecomputeLevel::ALL`].
    pub levels: [Level; RecomputeLevel::ALL.len()],
}

impl Partition {
    /// Returns the state of a level.
    pub fn level(&self, level: RecomputeLevel) -> Level {
        self.levels[level as usize]
    }
}

/// The plan depends on a level that is not open: open it and plan again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unopened(pub RecomputeLevel);

/// The costs of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCosts {
    /// Working memory for each edge slot of a replica in one piece, bytes.
    pub bytes_per_slot: usize,
    /// Working memory for each atom of a replica in one piece, bytes.
    pub bytes_per_atom: usize,
    /// Working memory for each slot of a listed edge, in a model that prunes edges, bytes.
    pub bytes_per_listed_slot: usize,
    /// Rule for the number of edge slots.
    pub slots: SlotRule,
    /// The partition into stages.
    pub partition: Partition,
}

impl ModelCosts {
    /// Working memory for each edge slot if a model does not state it, bytes; typical of PET.
    pub const USUAL_BYTES_PER_SLOT: usize = 20_000;

    /// Returns the costs of the same model, opened with `memory` bytes.
    #[must_use]
    pub fn within(self, memory: usize) -> Self {
        Self { partition: Partition { memory, ..self.partition }, ..self }
    }

    /// Returns the edge slots of a replica by itself.
    pub(super) fn slots(&self, size: GraphSize) -> usize {
        self.slots.slots(size, size.widest)
    }

    /// Returns the working memory of a replica in one piece, in a run with at most `widest` neighbors of a center,
    /// bytes.
    pub(super) fn bytes_in_one_piece(&self, size: GraphSize, widest: usize) -> usize {
        self.slots.slots(size, widest) * self.bytes_per_slot
            + size.atoms * self.bytes_per_atom
            + self.listed_bytes(size, widest)
    }

    /// Returns the working memory of the listed edges, before a model prunes them, bytes.
    pub(super) fn listed_bytes(&self, size: GraphSize, widest: usize) -> usize {
        SlotRule::Padded.slots(size, widest) * self.bytes_per_listed_slot
    }

    /// Returns the working memory of a replica by itself, bytes.
    ///
    /// # Errors
    /// [`Unopened`] with a level that must be opened first.
    pub fn bytes(&self, size: GraphSize, workers: usize) -> Result<usize, Unopened> {
        self.bytes_beside(size, size.widest, workers)
    }

    /// Returns the working memory of a replica in a run shared with others, with at most `widest` neighbors of a
    /// center, bytes.
    ///
    /// # Errors
    /// [`Unopened`] with a level that must be opened first.
    pub fn bytes_beside(&self, size: GraphSize, widest: usize, workers: usize) -> Result<usize, Unopened> {
        let whole = self.bytes_in_one_piece(size, widest);
        let stages = if self.partition.is_large(whole) { fastest_stages(size, self, workers)? } else { None };
        Ok(stages.map_or(whole, |stages| whole.min(stages.bytes)))
    }
}
