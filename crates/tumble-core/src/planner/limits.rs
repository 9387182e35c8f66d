//! What there is to evaluate with.

use crate::provider::{Device, Provider};

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
}
