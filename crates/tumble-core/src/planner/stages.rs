//! A structure in stages and tiles: at which level, in tiles of how many centers, with how much memory.

use super::costs::{GraphSize, Level, ModelCosts, RecomputeLevel, Unopened};

/// Centers of a tile at least: for fewer, most of the time would be ONNX Runtime's own for each node.
const SMALLEST_TILE: usize = 24;

/// Whether workers can share a structure, tile by tile.
pub(super) fn has_tiles_to_share(size: GraphSize) -> bool {
    size.centers >= 2 * SMALLEST_TILE
}

/// The level that takes least time, of those that memory suffices for, or else least memory, and the bytes that it takes;
/// `None` where the model cannot be cut. One level that is impossible ends the search: no other is possible.
pub(super) fn fastest_level(
    size: GraphSize,
    model: &ModelCosts,
    workers: usize,
) -> Result<Option<(RecomputeLevel, usize)>, Unopened> {
    for level in RecomputeLevel::ALL {
        let kept = match model.partition.level(level) {
            Level::Unopened => return Err(Unopened(level)),
            Level::Impossible => break,
            Level::Keeps(bytes) => model.slots(size) * bytes,
        };
        let bytes = kept + model.partition.bytes_of_tiles(workers);
        if bytes <= model.partition.memory || level == RecomputeLevel::Memory {
            return Ok(Some((level, bytes)));
        }
    }
    Ok(None)
}

/// Centers of a tile: all workers get as many tiles of about the same size.
pub(super) fn tile(size: GraphSize, model: &ModelCosts, workers: usize) -> usize {
    let bytes = model.bytes_in_one_piece(size, size.widest).div_ceil(size.centers);
    let most = (model.partition.bytes_per_tile(workers) / bytes).max(SMALLEST_TILE);
    size.centers.div_ceil(size.centers.div_ceil(most).next_multiple_of(workers))
}
