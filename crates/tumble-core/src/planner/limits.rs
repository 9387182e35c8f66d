//! Limits of an evaluation: memory, workers and provider.

use crate::provider::{Device, Provider};

/// The memory, workers and provider of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Working memory that the model may take, bytes.
    pub memory: usize,
    /// Number of workers: threads that each evaluate other replicas or tiles.
    pub workers: usize,
    /// Provider that runs the model.
    pub provider: &'static Provider,
}

impl Limits {
    /// Returns the limits of one worker on the processor, with `memory` bytes.
    pub fn one_worker(memory: usize) -> Self {
        Self { memory, workers: 1, provider: Device::Cpu.provider() }
    }
}
