//! What is done with the replicas of a batch.

use std::ops::Range;

use super::costs::{GraphSize, ModelCosts, RecomputeLevel, Unopened};
use super::stages::{fastest_level, has_tiles_to_share, tile};
use super::{Limits, Part};

/// Some parts of a batch, evaluated in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Indices of the parts.
    pub parts: Range<usize>,
    /// How they are evaluated.
    pub execution: Execution,
    /// Working memory that this takes at a time, bytes; an estimate.
    pub bytes: usize,
}

/// How replicas are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// In one piece, all in one run, by all threads.
    OneRun,
    /// In one piece, in so many runs that the workers take from a queue.
    Runs(usize),
    /// One after the other, each in stages.
    Stages {
        /// How much is computed again.
        level: RecomputeLevel,
        /// Centers of a tile.
        tile: usize,
    },
}

/// The steps in which a batch is evaluated: parts that are evaluated in stages are evaluated one after the other, and
/// then those beside them, too.
///
/// # Errors
/// A level that must be opened before.
pub fn steps(batch: &[Part], model: &ModelCosts, limits: &Limits) -> Result<Vec<Step>, Unopened> {
    let replicas = batch.iter().map(|part| part.rotations).sum();
    let stages = batch.iter().map(|part| stages(part.size, replicas, model, limits.workers));
    let stages = stages.collect::<Result<Vec<_>, _>>()?;
    if stages.iter().all(Option::is_none) {
        return Ok(vec![in_one_piece(batch, 0..batch.len(), model, limits)]);
    }
    let steps = stages.into_iter().enumerate().map(|(i, stages)| match stages {
        Some((execution, bytes)) => Step { parts: i..i + 1, execution, bytes },
        None => in_one_piece(batch, i..i + 1, model, limits),
    });
    Ok(steps.collect())
}

/// The stages of a structure of which there are so many replicas in all: a large one is evaluated so, and one of too few
/// for all workers.
fn stages(
    size: GraphSize,
    replicas: usize,
    model: &ModelCosts,
    workers: usize,
) -> Result<Option<(Execution, usize)>, Unopened> {
    let few = replicas < workers && has_tiles_to_share(size);
    let large = model.partition.is_large(model.bytes_in_one_piece(size, size.widest));
    let level = if few || large { fastest_level(size, model, workers)? } else { None };
    Ok(level.map(|(level, bytes)| (Execution::Stages { level, tile: tile(size, model, workers) }, bytes)))
}

/// Workers that each take runs of their own are faster than threads that share one.
fn in_one_piece(batch: &[Part], range: Range<usize>, model: &ModelCosts, limits: &Limits) -> Step {
    let parts = &batch[range.clone()];
    let replicas: usize = parts.iter().map(|part| part.rotations).sum();
    let widest = parts.iter().map(|part| part.size.widest).max().unwrap_or(0);
    let bytes = parts.iter().map(|part| part.rotations * model.bytes_in_one_piece(part.size, widest)).sum();
    let shared = limits.workers > 1 && (replicas > 1 || !parts.iter().any(|part| has_tiles_to_share(part.size)));
    if !shared {
        return Step { parts: range, execution: Execution::OneRun, bytes };
    }
    let runs = runs(parts, model, limits).min(replicas);
    Step {
        parts: range,
        execution: Execution::Runs(runs),
        bytes: bytes.div_ceil(runs.max(1)) * limits.workers.min(runs),
    }
}

/// Into how many runs work is divided for the workers: each suits one run, and all workers get as many.
fn runs(parts: &[Part], model: &ModelCosts, limits: &Limits) -> usize {
    let bytes = |size: GraphSize| model.bytes_in_one_piece(size, size.widest);
    let fitting = |size| (limits.provider.bytes_per_run / bytes(size).max(1)).max(1);
    let runs: f64 = parts.iter().map(|part| part.rotations as f64 / fitting(part.size) as f64).sum();
    (runs.ceil() as usize).next_multiple_of(limits.workers)
}
