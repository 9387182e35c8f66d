//! The planner: the only place that decides how work is split into batches, stages, blocks and runs, on how many
//! workers, and with how much memory.
//!
//! [`plan`] is a pure function of the sizes of the graphs, the costs of the model ([`ModelCosts`]) and the limits of
//! the machine ([`Limits`]). The average passes the batches of the [`Plan`] to the potential, one after the other. The
//! potential gets only graphs and rotations, and finds the [`steps()`] of each batch by the same function. A structure
//! planned in blocks is cut by [`blocks`](crate::blocks) until each block fits by
//! [`bytes_per_replica`](crate::potential_plan::bytes_per_replica).
//!
//! | decision | module |
//! |---|---|
//! | batches: replicas evaluated together, also of several structures | `batches` |
//! | one piece, stages and tiles, or blocks with a halo | `costs`, `stages` |
//! | runs of a batch on the workers | `steps`, `runs` |
//! | working memory of a worker: per batch, per tile | `worker_memory` |
//! | working memory of a model for a graph | `costs` |
//! | size of a run on a processor or a GPU | [`provider`](crate::provider) |
//!
//! The memory that a model keeps in stages is known only for recompute levels that have been opened, which takes time
//! and memory. A plan that depends on another level ends with [`Unopened`]; [`query_costs`](crate::potential_plan::query_costs) has the
//! potential open that level, and plans again.

mod batches;
mod costs;
mod limits;
mod runs;
mod stages;
mod steps;
mod worker_memory;

use std::fmt;
use std::ops::Range;

pub use self::batches::{batch_across_ranks, plan};
pub use self::costs::{GraphSize, Level, ModelCosts, Partition, RecomputeLevel, SlotRule, Unopened};
pub use self::limits::Limits;
pub use self::runs::split_into_runs;
pub use self::stages::{Stages, fastest_stages};
pub use self::steps::{Execution, Step, steps};
use crate::forces::Forces;
use crate::numbers::megabytes;

/// A structure and its replicas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Size of its graph.
    pub size: GraphSize,
    /// Ranges of its replicas, each with its kind of forces.
    pub replicas: Vec<(Forces, Range<usize>)>,
}

/// Replicas of one graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Size of the graph.
    pub size: GraphSize,
    /// Number of replicas.
    pub rotations: usize,
}

/// Some of the replicas of one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Index of the structure.
    pub work: usize,
    /// Range of its replicas.
    pub replicas: Range<usize>,
}

/// Replicas that are passed to the potential together, all of one kind of forces.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Kind of forces of all replicas.
    pub forces: Forces,
    /// The replicas, structure by structure.
    pub shares: Vec<Share>,
    /// The pieces of the evaluation.
    pub pieces: Pieces,
    /// Estimated working memory, bytes.
    pub bytes: usize,
}

/// The pieces of the evaluation of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Pieces {
    /// Steps of the potential, one after the other.
    Steps(Vec<Step>),
    /// Blocks of centers with a halo, one after the other, as the structure needs more memory than allowed. Their
    /// number depends on the positions of the atoms: [`Blocks::cut`](crate::blocks::Blocks::cut) finds it.
    Blocks,
}

/// A plan: how work is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Batches, evaluated one after the other.
    pub batches: Vec<Batch>,
    /// Number of workers: threads that each evaluate other replicas or tiles.
    pub workers: usize,
}

impl Batch {
    /// Returns the number of replicas.
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.replicas.len()).sum()
    }

    /// Returns whether there are no replicas; always false for a planned batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the batch is evaluated block by block.
    pub fn is_in_blocks(&self) -> bool {
        self.pieces == Pieces::Blocks
    }
}

impl Plan {
    /// Returns the plan of the first work in batches of this many replicas; the potential chooses their pieces.
    pub fn in_batches(work: &Work, batch: usize, workers: usize) -> Self {
        let shares = work.replicas.iter().flat_map(|(forces, replicas)| {
            let starts = replicas.clone().step_by(batch.max(1));
            starts.map(move |start| (*forces, start..replicas.end.min(start.saturating_add(batch.max(1)))))
        });
        let batches = shares.map(|(forces, replicas)| {
            let shares = vec![Share { work: 0, replicas }];
            Batch { forces, shares, pieces: Pieces::Steps(Vec::new()), bytes: 0 }
        });
        Self { batches: batches.collect(), workers }
    }

    /// Returns whether a structure needs more memory than allowed and is evaluated block by block.
    pub fn is_in_blocks(&self) -> bool {
        self.batches.iter().any(Batch::is_in_blocks)
    }

    /// Returns the number of replicas in all batches.
    pub fn replicas(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }

    /// Returns the number of replicas in the largest batch.
    pub fn largest_batch(&self) -> usize {
        self.batches.iter().map(Batch::len).max().unwrap_or(0)
    }

    /// Returns the estimated working memory of the model, bytes.
    pub fn bytes(&self) -> usize {
        self.largest().map_or(0, |batch| batch.bytes)
    }

    /// Returns the pieces of the batch that takes most memory.
    pub fn pieces(&self) -> Option<&Pieces> {
        self.largest().map(|batch| &batch.pieces)
    }

    fn largest(&self) -> Option<&Batch> {
        self.batches.iter().max_by_key(|batch| batch.bytes)
    }
}

/// Writes the plan as in `1 worker, 24 rotations in batches of 12, in one piece, 31 MB`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, {}", counted(self.workers, "worker"), counted(self.replicas(), "rotation"))?;
        if self.replicas() > 1 {
            write!(f, " in batches of {}", self.largest_batch())?;
        }
        let Some(batch) = self.largest() else { return Ok(()) };
        write!(f, ", {}, {}", batch.pieces, megabytes(batch.bytes))
    }
}

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Blocks => f.write_str("in blocks"),
            Self::Steps(steps) => match steps.iter().max_by_key(|step| step.bytes).map(|step| step.execution) {
                Some(Execution::Stages { level, tile }) => {
                    write!(f, "in stages and tiles of {tile} atoms (level {})", level.name())
                }
                Some(Execution::OneRun | Execution::Runs(_)) | None => f.write_str("in one piece"),
            },
        }
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
