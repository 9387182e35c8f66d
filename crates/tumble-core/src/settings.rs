//! How a model is evaluated, and which settings contradict each other.

mod check;
pub mod frontend;
mod setting;
pub mod table;
mod value;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::execution::{DEFAULT_MEMORY, Device, ExecutionOptions};
use crate::potential::Forces;
use crate::quadrature::{INVERTED, Mitigation};
pub use frontend::Frontend;
pub use setting::Setting;
pub use value::Value;

/// A million threads, or terabytes of memory: more is a mistake, and must not overflow as bytes.
const MOST: usize = 1_000_000;

/// The highest stream. Simulations with several beads take as many streams after their own.
pub const MAX_STREAM: u32 = u16::MAX as u32;

/// The highest number of a step: counting on from it never overflows.
pub const MAX_STEP: u64 = i64::MAX as u64;

/// How to evaluate a model. [`table`] says how users write each of them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which rotations to average over.
    pub mitigation: Mitigation,
    /// Seed of the random rotations.
    pub seed: u64,
    /// Simulations of the same seed draw independent rotations if their streams differ; up to [`MAX_STREAM`].
    pub stream: u32,
    /// Threads of the model: each evaluates other replicas, or all share one.
    pub threads: usize,
    /// Working memory that the model may take, MiB: bigger structures are evaluated in parts.
    pub memory_mb: usize,
    /// Which forces to use; `None`: what the model prefers.
    pub forces: Option<Forces>,
    /// Which forces the bare model gives between averages and in the correction; `None`: the same.
    pub inner: Option<Forces>,
    /// Every how many steps [`Calculator::evaluate_in`](crate::Calculator::evaluate_in) averages in dynamics; 1: at each.
    pub every: u64,
    /// Whether to give averaged minus bare instead of averaged.
    pub correction: bool,
    /// Where the model runs.
    pub device: Device,
    /// ONNX Runtime's shared library; `None`: searched for.
    pub library: Option<PathBuf>,
    /// How the names of the files begin into which ONNX Runtime writes the time of every node; `None`: nowhere.
    pub profile: Option<PathBuf>,
    /// SHA-256 that the model must have, 64 hexadecimal digits; `None`: any.
    pub sha256: Option<String>,
    /// Whether a GPU may round products in single precision to TF32.
    pub tf32: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mitigation: Mitigation::default(),
            seed: 0,
            stream: 0,
            threads: 1,
            memory_mb: DEFAULT_MEMORY >> 20,
            forces: None,
            inner: None,
            every: 1,
            correction: false,
            device: Device::Cpu,
            library: None,
            profile: None,
            sha256: None,
            tf32: false,
        }
    }
}

/// A setting, and what was written after its name.
pub type Given<'a> = (&'static Setting, &'a str);

impl Settings {
    /// How the model is to be run, whatever it is averaged over.
    pub fn running(&self) -> ExecutionOptions {
        let Self { threads, device, library, profile, sha256, tf32, .. } = self.clone();
        ExecutionOptions { threads, device, library, memory: self.memory_mb << 20, profile, sha256, tf32 }
    }

    /// Takes in all that was given at a door, in its order; of a setting that is given twice the last value counts.
    ///
    /// # Errors
    /// Those of [`Setting::set`], and [`Error::Setting`] for `inversion no` beside a `rotate` with `+inversion`.
    pub fn take(&mut self, given: &[Given]) -> Result<()> {
        for (index, (setting, text)) in given.iter().enumerate() {
            let again = given[index + 1..].iter().any(|(other, _)| other.name == setting.name);
            if !again {
                setting.set(self, text)?;
            }
        }
        let last = |name| given.iter().rev().find(|(setting, _)| setting.name == name).map(|(_, text)| text.trim());
        match (last("rotate"), last("inversion")) {
            (Some(rotate), Some("no")) if rotate.ends_with(INVERTED) => {
                let problem = format!("contradicts rotate {rotate}: leave one of them out");
                Err(Error::Setting { name: "inversion", value: "no".into(), problem })
            }
            _ => Ok(()),
        }
    }
}
