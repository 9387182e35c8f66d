//! A model cut into stages at each level, opened when it is first needed: that takes time and memory.

use std::mem;
use std::process;
use std::sync::OnceLock;

use tumble_core::planner::{Level, RecomputeLevel};

use crate::partition::Layers;

/// The model at its levels.
#[derive(Default)]
pub(crate) struct Levels([OnceLock<Opened>; RecomputeLevel::ALL.len()]);

/// A level, or why the model cannot be cut, and the process in which that was found.
struct Opened {
    layers: Result<Layers, String>,
    process: u32,
}

impl Levels {
    /// The model at a level, which is opened if it is not open.
    pub fn get(&self, level: RecomputeLevel, open: impl FnOnce() -> Result<Layers, String>) -> Result<&Layers, &str> {
        let opened = self.0[level as usize].get_or_init(|| Opened { layers: open(), process: process::id() });
        opened.layers.as_ref().map_err(String::as_str)
    }

    /// What is known of all levels, in their order.
    pub fn known(&self) -> [Level; RecomputeLevel::ALL.len()] {
        self.0.each_ref().map(|level| match level.get().map(|opened| &opened.layers) {
            None => Level::Unopened,
            Some(Err(_)) => Level::Impossible,
            Some(Ok(layers)) => Level::Keeps(layers.bytes_per_slot()),
        })
    }

    /// Leaves alone what another process has opened: a thread of it may have been at work there.
    pub fn forget_others(&mut self) {
        for level in &mut self.0 {
            if level.get().is_some_and(|opened| opened.process != process::id()) {
                mem::forget(mem::take(level));
            }
        }
    }
}
