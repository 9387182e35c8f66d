//! A model cut into stages at each level, opened when it is first needed: that takes time and memory.

use std::mem;
use std::process;
use std::sync::OnceLock;

use tumble_core::planner::{Level, RecomputeLevel};

use crate::partition::PartitionedModel;

/// The model at its levels.
#[derive(Default)]
pub(crate) struct PartitionCache([OnceLock<Entry>; RecomputeLevel::ALL.len()]);

/// A level, or why the model cannot be cut, and the process in which that was found.
struct Entry {
    model: Result<PartitionedModel, String>,
    process: u32,
}

impl PartitionCache {
    /// The model at a level, which is opened if it is not open.
    pub fn get(
        &self,
        level: RecomputeLevel,
        open: impl FnOnce() -> Result<PartitionedModel, String>,
    ) -> Result<&PartitionedModel, &str> {
        let opened = self.0[level as usize].get_or_init(|| Entry { model: open(), process: process::id() });
        opened.model.as_ref().map_err(String::as_str)
    }

    /// What is known of all levels, in their order.
    pub fn known(&self) -> [Level; RecomputeLevel::ALL.len()] {
        self.0.each_ref().map(|level| match level.get().map(|opened| &opened.model) {
            None => Level::Unopened,
            Some(Err(_)) => Level::Impossible,
            Some(Ok(model)) => Level::Keeps(model.bytes_per_slot()),
        })
    }

    /// Leaves alone what another process has opened: a thread of it may have been at work there.
    pub fn forget_inherited(&mut self) {
        for level in &mut self.0 {
            if level.get().is_some_and(|opened| opened.process != process::id()) {
                mem::forget(mem::take(level));
            }
        }
    }
}
