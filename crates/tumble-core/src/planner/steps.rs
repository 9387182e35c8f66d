//! Steps: how the replicas of a batch are evaluated.

use std::ops::Range;

use super::costs::{GraphSize, ModelCosts, RecomputeLevel, Unopened};
use super::stages::{Stages, fastest_stages, is_worth_threads};
use super::{Limits, Part};

/// A step: parts of a batch that are evaluated in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Indices of the parts.
    pub parts: Range<usize>,
    /// Execution of the parts.
    pub execution: Execution,
    /// Estimated working memory, bytes.
    pub bytes: usize,
}

/// How replicas are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// In one piece, all in one run, by all threads.
    OneRun,
    /// In one piece, in this number of runs; the workers take them from a queue.
    Runs(usize),
    /// One after the other, each in stages.
    Stages {
        /// Recompute level.
        level: RecomputeLevel,
        /// Centers per tile.
        tile: usize,
    },
}

/// Returns the steps of a batch: each part in stages is a step of its own, and the parts in one piece between two of
/// them share one.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
pub fn steps(batch: &[Part], model: &ModelCosts, limits: &Limits) -> Result<Vec<Step>, Unopened> {
    let stages = batch.iter().map(|part| stages(part.size, model, limits.workers));
    let stages = stages.collect::<Result<Vec<_>, _>>()?;
    let (mut steps, mut start) = (Vec::new(), 0);
    for group in stages.chunk_by(|one, next| one.is_none() && next.is_none()) {
        let parts = start..start + group.len();
        start = parts.end;
        steps.push(match group[0] {
            Some((execution, bytes)) => Step { parts, execution, bytes },
            None => in_one_piece(batch, parts, model, limits),
        });
    }
    Ok(steps)
}

/// Returns the stages of a structure, with their bytes, if it is large; `None` if it is evaluated in one piece.
fn stages(size: GraphSize, model: &ModelCosts, workers: usize) -> Result<Option<(Execution, usize)>, Unopened> {
    let large = model.partition.is_large(model.bytes_in_one_piece(size, size.widest));
    let stages = if large { fastest_stages(size, model, workers)? } else { None };
    Ok(stages.map(|Stages { level, tile, bytes }| (Execution::Stages { level, tile }, bytes)))
}

/// Plans parts in one piece. Workers with runs of their own are faster than threads that share one run, if there are
/// replicas for all of them.
fn in_one_piece(batch: &[Part], range: Range<usize>, model: &ModelCosts, limits: &Limits) -> Step {
    let parts = &batch[range.clone()];
    let replicas: usize = parts.iter().map(|part| part.rotations).sum();
    let widest = parts.iter().map(|part| part.size.widest).max().unwrap_or(0);
    let bytes = parts.iter().map(|part| part.rotations * model.bytes_in_one_piece(part.size, widest)).sum();
    let molecules = !parts.iter().any(|part| is_worth_threads(part.size));
    if limits.workers == 1 || (replicas < limits.workers && !molecules) {
        return Step { parts: range, execution: Execution::OneRun, bytes };
    }
    let runs = runs(parts, model, limits).min(replicas);
    Step {
        parts: range,
        execution: Execution::Runs(runs),
        bytes: bytes.div_ceil(runs.max(1)) * limits.workers.min(runs),
    }
}

/// Returns the number of runs: each has the size that suits the provider, and all workers get the same number.
fn runs(parts: &[Part], model: &ModelCosts, limits: &Limits) -> usize {
    let bytes = |size: GraphSize| model.bytes_in_one_piece(size, size.widest);
    let fitting = |size| (limits.provider.bytes_per_run / bytes(size).max(1)).max(1);
    let runs: f64 = parts.iter().map(|part| part.rotations as f64 / fitting(part.size) as f64).sum();
    (runs.ceil() as usize).next_multiple_of(limits.workers)
}
