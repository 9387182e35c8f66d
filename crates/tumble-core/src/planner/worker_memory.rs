//! Working memory of the workers: the bytes that one batch, one run and one tile may take.
//!
//! The memory that a model *needs* for a graph is estimated in [`ModelCosts`](super::ModelCosts); the limits of a
//! machine are [`Limits`]. Here the second is shared out among the workers.

use super::Limits;
use super::costs::Partition;
use crate::provider::CACHED;

/// Runs of each of several workers in one batch. With more runs, workers wait less for each other at the end.
const ROUNDS: usize = 32;

/// Runs of usual size, for each worker, that a short evaluation may take: a tenth of a second or two.
const SHORT: usize = 8;

/// Largest run of a short evaluation, bytes. A GPU, where one run fills the device, finishes it in a moment.
const LARGEST_SHORT_RUN: usize = 1 << 30;

/// Working memory beyond which a structure is evaluated in stages even if more is free, bytes: recomputing layers is
/// then faster than reading and writing memory that no cache holds.
const LARGE: usize = 256 << 20;

/// Working memory of the sessions of all stages of a worker, in tiles. Only one session works at a time, but each keeps
/// the memory that it has once taken; stages that go forward only take little.
const TILES: usize = 2;

impl Limits {
    /// Working memory of an evaluation, run after run, that is over in a short time, bytes at most.
    pub fn short(&self) -> usize {
        self.provider.bytes_per_run.min(LARGEST_SHORT_RUN) * SHORT * self.workers
    }

    /// Working memory of all replicas that are evaluated together, bytes. A single worker takes one run of the size
    /// that suits the provider; several take runs from a queue, unless memory is too small for all to work at the same
    /// time.
    pub(super) fn bytes_per_batch(&self) -> usize {
        match (self.workers, self.workers.saturating_mul(self.provider.bytes_per_run)) {
            (_, abreast) if self.memory < abreast => self.memory,
            (1, abreast) => abreast,
            (_, abreast) => ROUNDS * abreast,
        }
    }
}

impl Partition {
    /// Whether a structure that takes so many bytes in one piece is evaluated in stages.
    pub(super) fn is_large(&self, bytes: usize) -> bool {
        bytes > self.memory.min(LARGE)
    }

    /// Working memory of a tile, bytes: as much as the caches hold, but at most so much that half of all memory is left
    /// for the tensors kept between stages.
    pub(super) fn bytes_per_tile(&self, workers: usize) -> usize {
        CACHED.min(self.memory / (2 * TILES * workers))
    }

    /// Working memory of the tiles of all workers, bytes.
    pub(super) fn bytes_of_tiles(&self, workers: usize) -> usize {
        TILES * workers * self.bytes_per_tile(workers)
    }
}
