//! How many pairs a search may find, asked while it finds them: whoever sends a structure chooses its density.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::MAX_NEIGHBORS;
use crate::error::{Error, Result};

/// What a pair takes from its search to both of its edges, bytes: 16 as a candidate, 32 as half of the edges, 16 while
/// these are joined, 80 in the graph, and what growing leaves unused.
const BYTES_PER_PAIR: usize = 200;

/// Pairs for which there is always room: `memory` is about the model, and a small one must not refuse usual structures.
const MIN_PAIRS: usize = 1 << 20;

/// Pairs beyond which a search is given up, for each atom: then the average atom has twice as many neighbors within the
/// radius of the search, and an atom too many within the cutoff, whatever the skin.
const PAIRS_PER_ATOM: usize = 4 * MAX_NEIGHBORS;

/// Room for the pairs of one search.
#[derive(Debug)]
pub(super) struct Room {
    atoms: usize,
    radius: f64,
    memory: usize,
    most: usize,
    taken: AtomicUsize,
}

impl Room {
    /// In so many bytes, for the pairs of so many atoms within a radius, Å.
    pub fn new(atoms: usize, radius: f64, memory: usize) -> Self {
        let most = pairs_within(memory).min(atoms.saturating_mul(PAIRS_PER_ATOM));
        Self { atoms, radius, memory, most, taken: AtomicUsize::new(0) }
    }

    /// Takes room for more pairs.
    pub fn take(&self, pairs: usize) -> Result<()> {
        self.check(self.taken.fetch_add(pairs, Ordering::Relaxed).saturating_add(pairs))
    }

    /// Whether there would be room for so many pairs.
    pub fn check(&self, pairs: usize) -> Result<()> {
        if pairs <= self.most { Ok(()) } else { Err(self.refusal()) }
    }

    /// Stretches of bins that there is memory for.
    pub fn stretches(&self) -> usize {
        2 * pairs_within(self.memory)
    }

    fn refusal(&self) -> Error {
        let (atoms, radius) = (self.atoms, self.radius);
        if self.most < pairs_within(self.memory) {
            return Error::Crowded { atoms, found: 2 * PAIRS_PER_ATOM, radius, most: MAX_NEIGHBORS };
        }
        Error::TooManyPairs { atoms, pairs: self.most, radius, memory: BYTES_PER_PAIR * self.most }
    }
}

/// As many as there is memory for, in bytes; edges are counted by 32 bits.
pub fn pairs_within(memory: usize) -> usize {
    (memory / BYTES_PER_PAIR).clamp(MIN_PAIRS, u32::MAX as usize / 2)
}
