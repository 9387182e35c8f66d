//! The limit on the number of pairs, checked during the search: a client may send a structure of any density.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::MAX_NEIGHBORS;
use crate::error::{Error, Result};

/// Memory per pair, bytes: 16 as a candidate, 32 in the half list of edges, 16 to build the full list, 80 in the graph,
/// and the unused capacity of growing vectors.
const BYTES_PER_PAIR: usize = 200;

/// Pairs allowed in any case: `memory` is meant for the model, and a small one must not refuse ordinary structures.
const MIN_PAIRS: usize = 1 << 20;

/// Pairs per atom allowed in a search. Beyond it, the average atom has twice as many neighbors within the search
/// radius, and some atom has more than [`MAX_NEIGHBORS`] within the cutoff, whatever the skin.
const PAIRS_PER_ATOM: usize = 4 * MAX_NEIGHBORS;

/// The limit on the pairs of one search, shared by its threads.
#[derive(Debug)]
pub(super) struct PairLimit {
    atoms: usize,
    radius: f64,
    memory: usize,
    max_pairs: usize,
    found: AtomicUsize,
}

impl PairLimit {
    /// A limit for a structure of `atoms` atoms, a search radius in Å and `memory` bytes.
    pub fn new(atoms: usize, radius: f64, memory: usize) -> Self {
        let max_pairs = pairs_within(memory).min(atoms.saturating_mul(PAIRS_PER_ATOM));
        Self { atoms, radius, memory, max_pairs, found: AtomicUsize::new(0) }
    }

    /// Counts more pairs.
    ///
    /// # Errors
    /// [`Error::Crowded`] or [`Error::TooManyPairs`] if the sum is above the limit.
    pub fn add(&self, pairs: usize) -> Result<()> {
        self.check(self.found.fetch_add(pairs, Ordering::Relaxed).saturating_add(pairs))
    }

    /// Checks a number of pairs against the limit, without counting them.
    pub fn check(&self, pairs: usize) -> Result<()> {
        if pairs <= self.max_pairs { Ok(()) } else { Err(self.refusal()) }
    }

    /// Largest number of bin ranges that fit into the memory.
    pub fn max_ranges(&self) -> usize {
        2 * pairs_within(self.memory)
    }

    fn refusal(&self) -> Error {
        let (atoms, radius) = (self.atoms, self.radius);
        if self.max_pairs < pairs_within(self.memory) {
            return Error::Crowded { atoms, found: 2 * PAIRS_PER_ATOM, radius, most: MAX_NEIGHBORS };
        }
        Error::TooManyPairs { atoms, pairs: self.max_pairs, radius, memory: BYTES_PER_PAIR * self.max_pairs }
    }
}

/// Returns the number of pairs that fit into `memory` bytes: at least 2^20, and below 2^31, since edges have 32-bit
/// numbers.
pub fn pairs_within(memory: usize) -> usize {
    (memory / BYTES_PER_PAIR).clamp(MIN_PAIRS, u32::MAX as usize / 2)
}
