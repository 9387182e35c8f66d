//! Working memory of the workers: the bytes that one batch and one tile may take. Those of a run are in
//! [`provider`](crate::provider).
//!
//! [`ModelCosts`](super::ModelCosts) estimates the memory that a model needs for a graph; [`Limits`] has the memory of
//! the machine. This module divides the latter among the workers.

use super::Limits;
use super::costs::Partition;
use crate::provider::CACHE_BYTES;

/// Runs per worker in one batch, with several workers. With more runs, workers wait less for each other at the end.
const RUNS_PER_WORKER: usize = 128;

/// Largest number of normal-size runs per worker in a short evaluation, which takes 0.1 to 0.2 s.
const RUNS_PER_SHORT_EVALUATION: usize = 32;

/// Largest run of a short evaluation, bytes. A GPU, where one run fills the device, finishes it in a moment.
const LARGEST_SHORT_RUN: usize = 1 << 28;

/// Largest working memory of a structure in one piece, bytes, even if more is free: beyond it, recomputing layers is
/// faster than reading and writing memory outside of the caches.
const MAX_ONE_PIECE: usize = 256 << 20;

/// Working memory of the sessions of all stages of a worker, in tiles. Only one session works at a time, but each keeps
/// its memory; stages of the forward pass alone take little.
pub(super) const TILES: usize = 2;

impl Limits {
    /// Returns the largest total working memory of the runs of a short evaluation, bytes.
    pub fn short_evaluation_bytes(&self) -> usize {
        self.provider.bytes_per_run.min(LARGEST_SHORT_RUN) * RUNS_PER_SHORT_EVALUATION * self.workers
    }

    /// Returns the working memory of one run of normal size for each worker, bytes.
    pub(super) fn bytes_abreast(&self) -> usize {
        self.workers.saturating_mul(self.provider.bytes_per_run)
    }

    /// Returns the working memory of all replicas of a batch, bytes. A single worker takes one run of the size
    /// that suits the provider; several take runs from a queue, unless memory is too small for all to work at the same
    /// time.
    pub(super) fn bytes_per_batch(&self) -> usize {
        match (self.workers, self.bytes_abreast()) {
            (_, abreast) if self.memory < abreast => self.memory,
            (1, abreast) => abreast,
            (_, abreast) => RUNS_PER_WORKER * abreast,
        }
    }
}

impl Partition {
    /// Returns whether a structure of `bytes` in one piece is evaluated in stages instead.
    pub(super) fn is_large(&self, bytes: usize) -> bool {
        bytes > self.memory.min(MAX_ONE_PIECE)
    }

    /// Returns the largest working memory of a tile, bytes: that of the caches, or less to leave half of all memory for
    /// the tensors kept between stages; and that of a tile beyond the caches, which leaves them three quarters.
    pub(super) fn bytes_per_tile(&self, workers: usize) -> [usize; 2] {
        let share = self.memory / (TILES * workers);
        [CACHE_BYTES.min(share / 2), share / 4]
    }
}
