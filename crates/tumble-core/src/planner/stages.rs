//! Stages and tiles of a structure: the recompute level, the centers per tile, and the memory.

use super::costs::{GraphSize, Level, ModelCosts, RecomputeLevel, Unopened};
use super::worker_memory::TILES;

/// Fewest centers of a tile, unless even the level of least memory has no room for them: with fewer, ONNX Runtime's
/// overhead per node would dominate.
const SMALLEST_TILE: usize = 24;

/// Centers of a tile of a wide model, beyond the caches: with fewer, reading its weights again for each tile would take
/// longer than reading the tile's tensors from memory.
const WIDE_TILE: usize = 64;

/// Returns whether threads can share a structure: in a smaller one they would wait for each other for longer.
pub(super) fn is_worth_threads(size: GraphSize) -> bool {
    size.centers >= 2 * SMALLEST_TILE
}

/// The stages of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// Recompute level.
    pub level: RecomputeLevel,
    /// Centers per tile.
    pub tile: usize,
    /// Estimated working memory, bytes.
    pub bytes: usize,
}

/// Returns the stages at the fastest level that fits into memory, or else at the level of least memory; `None` if the
/// model cannot be partitioned. The search ends at an impossible level, as all further ones are impossible too.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
pub fn fastest_stages(size: GraphSize, model: &ModelCosts, workers: usize) -> Result<Option<Stages>, Unopened> {
    let memory = model.partition.memory;
    for level in RecomputeLevel::ALL {
        let kept = match model.partition.level(level) {
            Level::Unopened => return Err(Unopened(level)),
            Level::Impossible => break,
            Level::Keeps(bytes) => model.slots(size) * bytes + model.listed_bytes(size, size.widest),
        };
        let last = level == RecomputeLevel::Memory;
        let fewest = if last { 1 } else { SMALLEST_TILE };
        let tile = tile(size, model, workers, fewest, memory.saturating_sub(kept));
        let bytes = kept + TILES * workers * tile * bytes_per_center(size, model);
        if bytes <= memory || last {
            return Ok(Some(Stages { level, tile, bytes }));
        }
    }
    Ok(None)
}

/// Returns the centers per tile, at least `fewest` if there are so many, with `free` bytes for the tiles of all workers:
/// all workers get the same number of tiles, of about equal size.
fn tile(size: GraphSize, model: &ModelCosts, workers: usize, fewest: usize, free: usize) -> usize {
    let fitting = |bytes: usize| bytes / bytes_per_center(size, model);
    let [small, wide] = model.partition.bytes_per_tile(workers).map(fitting);
    let fastest = small.max(wide.min(WIDE_TILE)).max(SMALLEST_TILE);
    let most = fastest.min(fitting(free / (TILES * workers)).max(fewest));
    let centers = size.centers.max(1);
    centers.div_ceil(centers.div_ceil(most).next_multiple_of(workers))
}

fn bytes_per_center(size: GraphSize, model: &ModelCosts) -> usize {
    model.bytes_in_one_piece(size, size.widest).div_ceil(size.centers.max(1)).max(1)
}
