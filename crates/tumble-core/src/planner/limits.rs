//! What there is to evaluate with.

use crate::provider::{Device, Provider};

/// Runs of usual size, for each worker, that a short evaluation may take: a tenth of a second or two.
const SHORT: usize = 8;

/// A run of a short evaluation is of this size at most, bytes; on a GPU, where one run takes all, that is no matter of more
/// than a moment.
const LARGEST_SHORT_RUN: usize = 1 << 30;

/// What there is to evaluate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Working memory that the model may take, bytes.
    pub memory: usize,
    /// Threads that each evaluate something else.
    pub workers: usize,
    /// What runs the model.
    pub provider: &'static Provider,
}

impl Limits {
    /// One worker on the processor.
    pub fn one_worker(memory: usize) -> Self {
        Self { memory, workers: 1, provider: Device::Cpu.provider() }
    }

    /// Working memory of an evaluation, run after run, that is over in a short time, bytes at most.
    pub fn short(&self) -> usize {
        self.provider.bytes_per_run.min(LARGEST_SHORT_RUN) * SHORT * self.workers
    }
}
