//! What is run, in how many pieces, on how many workers, with how much memory: decided here, and here alone.
//!
//! All of it is a pure function of the sizes of the graphs, of what a model takes ([`ModelCosts`]) and of what there is
//! ([`Limits`]): [`plan`] gives the [`Plan`]. The average hands its batches to the potential, one after the other; the
//! potential, which is told no more than graphs and rotations, finds the [`steps`] of each by the same function. A
//! structure that the plan puts into blocks is cut by [`blocks`](crate::blocks), until each fits by
//! [`bytes_per_replica`](crate::potential_plan::bytes_per_replica).
//!
//! | decision | where |
//! |---|---|
//! | which replicas are evaluated together, also those of several structures | `batches` |
//! | in one piece, in stages and tiles, or in blocks with a rim | `costs`, `stages` |
//! | how a batch is divided among the workers | `steps`, `parts` |
//! | what suits a processor, and what a GPU | [`provider`](crate::provider) |
//!
//! What a model keeps in stages is known only of levels that were opened, which takes time and memory. A plan that depends
//! on another level ends with [`Unopened`]; [`query_costs`](crate::potential_plan::query_costs) has the potential open that level, and plans again.

mod batches;
mod costs;
mod limits;
mod runs;
mod stages;
mod steps;
mod worker_memory;

use std::fmt;
use std::ops::Range;

pub use self::batches::{batch_size, plan};
pub use self::costs::{GraphSize, Level, ModelCosts, Partition, RecomputeLevel, SlotRule, Unopened};
pub use self::limits::Limits;
pub use self::runs::split_into_runs;
pub use self::steps::{Execution, Step, steps};
use crate::forces::Forces;

/// A structure, and what is wanted of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Size of its graph.
    pub size: GraphSize,
    /// The numbers of its replicas, for each kind of forces.
    pub replicas: Vec<(Forces, Range<usize>)>,
}

/// Replicas of one graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Size of the graph.
    pub size: GraphSize,
    /// How many there are.
    pub rotations: usize,
}

/// Some of the replicas of one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Index of the structure.
    pub work: usize,
    /// Numbers of the replicas.
    pub replicas: Range<usize>,
}

/// Replicas that are handed to the potential together, all of one kind of forces.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Of forces.
    pub forces: Forces,
    /// The replicas, structure by structure.
    pub shares: Vec<Share>,
    /// In which pieces they are evaluated.
    pub pieces: Pieces,
    /// Working memory that this takes at a time, bytes; an estimate.
    pub bytes: usize,
}

/// In which pieces a batch is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum Pieces {
    /// By the potential, in these steps, one after the other.
    Steps(Vec<Step>),
    /// In blocks of centers with a rim, one block after the other, as its structure takes more memory than there is. How
    /// many depends on where the atoms are: [`Blocks::cut`](crate::blocks::Blocks::cut) finds it.
    Blocks,
}

/// How work is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Evaluated one after the other.
    pub batches: Vec<Batch>,
    /// Threads that each evaluate something else.
    pub workers: usize,
}

impl Batch {
    /// Number of replicas.
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.replicas.len()).sum()
    }

    /// Whether there are no replicas; never in a plan.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is evaluated block by block.
    pub fn is_in_blocks(&self) -> bool {
        self.pieces == Pieces::Blocks
    }
}

impl Plan {
    /// Whether the structure takes more memory than there is, and is evaluated block by block; one of several, if there
    /// are several.
    pub fn is_in_blocks(&self) -> bool {
        self.batches.iter().any(Batch::is_in_blocks)
    }

    /// Number of replicas in all batches.
    pub fn replicas(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }

    /// Number of replicas in the largest batch.
    pub fn largest_batch(&self) -> usize {
        self.batches.iter().map(Batch::len).max().unwrap_or(0)
    }

    /// Working memory that the model takes at a time, bytes; an estimate.
    pub fn bytes(&self) -> usize {
        self.largest().map_or(0, |batch| batch.bytes)
    }

    /// In which pieces the batch is evaluated that takes most memory.
    pub fn pieces(&self) -> Option<&Pieces> {
        self.largest().map(|batch| &batch.pieces)
    }

    fn largest(&self) -> Option<&Batch> {
        self.batches.iter().max_by_key(|batch| batch.bytes)
    }
}

/// As in `1 worker, 24 rotations in batches of 12, in one piece, 31 MB`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, {}", counted(self.workers, "worker"), counted(self.replicas(), "rotation"))?;
        if self.replicas() > 1 {
            write!(f, " in batches of {}", self.largest_batch())?;
        }
        let Some(batch) = self.largest() else { return Ok(()) };
        let megabytes = batch.bytes as f64 / f64::from(1 << 20);
        let places = match megabytes {
            ..0.995 => 2,
            ..9.95 => 1,
            _ => 0,
        };
        write!(f, ", {}, {megabytes:.places$} MB", batch.pieces)
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
