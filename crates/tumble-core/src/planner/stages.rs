//! Stages and tiles of a structure: the recompute level, the centers per tile, and the memory.

use super::costs::{GraphSize, Level, ModelCosts, RecomputeLevel, Unopened};
use super::worker_memory::TILES;

/// Fewest centers of a tile: with fewer, ONNX Runtime's overhead per node would dominate.
const SMALLEST_TILE: usize = 24;

/// Centers of a tile of a wide model, beyond the caches: with fewer, reading its weights again for each tile would take
/// longer than reading the tile's tensors from memory.
const WIDE_TILE: usize = 64;

/// Returns whether threads can share a structure: in a smaller one they would wait for each other for longer.
pub(super) fn is_worth_threads(size: GraphSize) -> bool {
    size.centers >= 2 * SMALLEST_TILE
}

/// Returns the fastest level that fits into memory, or else the level of least memory, and its bytes; `None` if the
/// model cannot be partitioned. The search ends at an impossible level, as all further ones are impossible too.
pub(super) fn fastest_level(
    size: GraphSize,
    model: &ModelCosts,
    workers: usize,
) -> Result<Option<(RecomputeLevel, usize)>, Unopened> {
    for level in RecomputeLevel::ALL {
        let kept = match model.partition.level(level) {
            Level::Unopened => return Err(Unopened(level)),
            Level::Impossible => break,
            Level::Keeps(bytes) => model.slots(size) * bytes + model.listed_bytes(size, size.widest),
        };
        let bytes = kept + TILES * workers * tile(size, model, workers) * bytes_per_center(size, model);
        if bytes <= model.partition.memory || level == RecomputeLevel::Memory {
            return Ok(Some((level, bytes)));
        }
    }
    Ok(None)
}

/// Returns the level and the centers per tile for a rank's part of a structure; `None` if the model cannot be
/// partitioned. The ranks have to agree on the level.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
pub fn stages_across_ranks(
    size: GraphSize,
    model: &ModelCosts,
    workers: usize,
) -> Result<Option<(RecomputeLevel, usize)>, Unopened> {
    let level = fastest_level(size, model, workers)?;
    Ok(level.map(|(level, _)| (level, tile(size, model, workers))))
}

/// Returns the centers per tile: all workers get the same number of tiles, of about equal size.
pub(super) fn tile(size: GraphSize, model: &ModelCosts, workers: usize) -> usize {
    let [small, wide] = model.partition.bytes_per_tile(workers).map(|bytes| bytes / bytes_per_center(size, model));
    let most = small.max(wide.min(WIDE_TILE)).max(SMALLEST_TILE);
    let centers = size.centers.max(1);
    centers.div_ceil(centers.div_ceil(most).next_multiple_of(workers))
}

fn bytes_per_center(size: GraphSize, model: &ModelCosts) -> usize {
    model.bytes_in_one_piece(size, size.widest).div_ceil(size.centers.max(1)).max(1)
}
