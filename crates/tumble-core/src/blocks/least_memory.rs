//! The least memory that a structure can be evaluated with, for the errors about too little memory.

use super::cut_within;
use crate::graph::Graph;
use crate::least_megabytes::smallest;
use crate::potential::Potential;
use crate::potential_plan::bytes_per_replica_within;

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
