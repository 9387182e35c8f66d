//! What a model takes, as plain data, and what that makes of a graph.

use super::stages::fastest_level;
use crate::graph::Graph;

/// As much of a graph as its costs depend on.
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
    /// The size of a graph.
    pub fn of(graph: &Graph) -> Self {
        let (atoms, centers) = (graph.n_atoms(), graph.n_centers());
        Self { atoms, centers, edges: graph.n_edges(), widest: graph.max_neighbors() }
    }
}

/// How many slots the edges of a replica take in a model's tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlotRule {
    /// One for each edge.
    #[default]
    Edges,
    /// For each center as many as the widest center of the run has neighbors.
    Padded,
}

impl SlotRule {
    /// Slots of a graph in a run whose widest center has so many neighbors.
    fn slots(self, size: GraphSize, widest: usize) -> usize {
        let slots = match self {
            Self::Edges => size.edges,
            Self::Padded => size.centers * size.widest.max(widest).max(1),
        };
        slots.max(1)
    }
}

/// How much of a stage is kept for later ones, and how much is computed again when gradients come back through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecomputeLevel {
    /// Least is computed again.
    Speed,
    /// Between the two.
    Balanced,
    /// Least is kept.
    Memory,
}

impl RecomputeLevel {
    /// From what takes least time to what takes least memory.
    pub const ALL: [Self; 3] = [Self::Speed, Self::Balanced, Self::Memory];

    /// A tensor is kept if this saves so many multiplications of matrices: one or two are about what it takes to write
    /// and read a tensor.
    pub fn matmuls(self) -> usize {
        match self {
            Self::Speed => 1,
            Self::Balanced => 2,
            Self::Memory => 3,
        }
    }

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Balanced => "balanced",
            Self::Memory => "memory",
        }
    }
}

/// What is known of a model that is cut into stages at one [`RecomputeLevel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing: it has not been opened.
    Unopened,
    /// The model cannot be cut so.
    #[default]
    Impossible,
    /// So many bytes are kept for each edge slot.
    Keeps(usize),
}

/// How a model is cut into stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// Working memory that the model was opened with, bytes.
    pub memory: usize,
    /// What is known, in the order of [`RecomputeLevel::ALL`].
    pub levels: [Level; RecomputeLevel::ALL.len()],
}

impl Partition {
    /// What is known of a level.
    pub fn level(&self, level: RecomputeLevel) -> Level {
        self.levels[level as usize]
    }
}

/// A plan depends on this level, which has not been opened: ask again when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unopened(pub RecomputeLevel);

/// What a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCosts {
    /// Working memory for each edge slot of a replica in one piece, bytes.
    pub bytes_per_slot: usize,
    /// The same for each atom.
    pub bytes_per_atom: usize,
    /// What an edge slot is.
    pub slots: SlotRule,
    /// How it is cut into stages.
    pub partition: Partition,
}

impl ModelCosts {
    /// Working memory for each edge slot where a model does not state it, bytes: what a PET of usual size takes.
    pub const USUAL_BYTES_PER_SLOT: usize = 20_000;

    /// Edge slots of a replica by itself.
    pub(super) fn slots(&self, size: GraphSize) -> usize {
        self.slots.slots(size, size.widest)
    }

    /// Working memory of a replica in one piece, in a run whose widest center has so many neighbors, bytes.
    pub(super) fn bytes_in_one_piece(&self, size: GraphSize, widest: usize) -> usize {
        self.slots.slots(size, widest) * self.bytes_per_slot + size.atoms * self.bytes_per_atom
    }

    /// Working memory of a replica by itself, bytes.
    ///
    /// # Errors
    /// A level that must be opened before.
    pub fn bytes(&self, size: GraphSize, workers: usize) -> Result<usize, Unopened> {
        self.bytes_beside(size, size.widest, workers)
    }

    /// As [`ModelCosts::bytes`], in a run that is shared with replicas whose widest center has so many neighbors.
    ///
    /// # Errors
    /// A level that must be opened before.
    pub fn bytes_beside(&self, size: GraphSize, widest: usize, workers: usize) -> Result<usize, Unopened> {
        let whole = self.bytes_in_one_piece(size, widest);
        let stages = if self.partition.is_large(whole) { fastest_level(size, self, workers)? } else { None };
        Ok(stages.map_or(whole, |(_, bytes)| whole.min(bytes)))
    }
}
