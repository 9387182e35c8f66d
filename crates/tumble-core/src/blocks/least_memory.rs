//! The least memory that a structure can be evaluated with, for the errors about too little memory.

use super::cut_within;
use crate::graph::Graph;
use crate::potential::Potential;
use crate::potential_plan::bytes_per_replica_within;

/// Shift from bytes to megabytes, in which users give memory.
const MB: u32 = 20;

/// Blocks take a while to cut, so their least memory is found up to a fraction of 1 / `PRECISION`.
const PRECISION: usize = 16;

/// Returns memory of whole megabytes that suffices, bytes: about the least. More than `given` is known to be needed.
///
/// What a block needs depends on the memory, which decides the number of blocks and the recompute level. So memory is
/// tried until it suffices.
pub(super) fn least_memory(graph: &Graph, potential: &dyn Potential, given: usize) -> usize {
    let whole = |memory| bytes_per_replica_within(potential, graph, memory) <= memory;
    if potential.info().whole {
        return smallest(given, usize::MAX, whole);
    }
    smallest(given, PRECISION, |memory| whole(memory) || cut_within(graph, potential, memory).is_ok())
}

/// Returns the smallest number of whole megabytes above `given` that suffices, up to a fraction, bytes.
pub(crate) fn smallest(given: usize, precision: usize, suffices: impl Fn(usize) -> bool) -> usize {
    let mut low = given >> MB;
    let mut high = low + 1;
    while !suffices(high << MB) {
        (low, high) = (high, 2 * high);
    }
    while high - low > 1 + high / precision {
        let middle = low.midpoint(high);
        if suffices(middle << MB) { high = middle } else { low = middle }
    }
    high << MB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_number_of_megabytes_is_found() {
        for (given, needed) in [(0, 1), (4, 8), (24, 260), (1, 1000), (999, 1000)] {
            assert_eq!(smallest(given << MB, usize::MAX, |bytes| bytes >= needed << MB), needed << MB);
            let about = smallest(given << MB, PRECISION, |bytes| bytes >= needed << MB) >> MB;
            assert!((needed..=needed + 1 + needed / 8).contains(&about), "{about} for {needed}");
        }
        assert_eq!(smallest((5 << MB) - 1, usize::MAX, |bytes| bytes >= 5 << MB), 5 << MB);
    }
}
