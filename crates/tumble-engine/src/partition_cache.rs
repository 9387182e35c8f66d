//! The partitioned model at each recompute level, opened on first use, since opening takes time and memory.

use std::mem;
use std::process;
use std::sync::OnceLock;

use tumble_core::planner::{Level, RecomputeLevel};

use crate::partition::PartitionedModel;

/// The partitions of a model, by recompute level.
#[derive(Default)]
pub(crate) struct PartitionCache([OnceLock<Entry>; RecomputeLevel::ALL.len()]);

/// A partitioned model, or the reason why there is none, and the process that opened it.
struct Entry {
    model: Result<PartitionedModel, String>,
    process: u32,
}

impl PartitionCache {
    /// Returns the model at a level; opens it on first use.
    pub fn get(
        &self,
        level: RecomputeLevel,
        open: impl FnOnce() -> Result<PartitionedModel, String>,
    ) -> Result<&PartitionedModel, &str> {
        let opened = self.0[level as usize].get_or_init(|| Entry { model: open(), process: process::id() });
        opened.model.as_ref().map_err(String::as_str)
    }

    /// Returns the state of each level.
    pub fn known(&self) -> [Level; RecomputeLevel::ALL.len()] {
        self.0.each_ref().map(|level| match level.get().map(|opened| &opened.model) {
            None => Level::Unopened,
            Some(Err(_)) => Level::Impossible,
            Some(Ok(model)) => Level::Keeps(model.bytes_per_slot()),
        })
    }

    /// Forgets the models that the parent process opened, without dropping them: its threads may have been using them
    /// at the fork.
    pub fn forget_inherited(&mut self) {
        for level in &mut self.0 {
            if level.get().is_some_and(|opened| opened.process != process::id()) {
                mem::forget(mem::take(level));
            }
        }
    }
}
