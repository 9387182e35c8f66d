//! Settings of a model and of its average, with the table of their names and the checks of their values.

mod check;
pub mod frontend;
mod setting;
pub mod table;
mod value;

use std::path::PathBuf;

use crate::conditions::Conditions;
use crate::echo::echo;
use crate::error::{Error, Result};
use crate::execution::{DEFAULT_MEMORY, Device, ExecutionOptions};
use crate::potential::Forces;
use crate::quadrature::{INVERSION_SUFFIX, Mitigation};
pub use frontend::Frontend;
pub use setting::Setting;
pub use value::Value;
use value::switch;

/// Largest number of threads, of megabytes of memory, and of steps between averages. A larger value is a mistake, and
/// would overflow in bytes or in LAMMPS.
const MOST: usize = 1_000_000;

/// Highest stream. A simulation with several beads also takes the streams after its own, one per bead.
pub const MAX_STREAM: u32 = u16::MAX as u32;

/// Highest number of a step: counting on from it never overflows.
pub const MAX_STEP: u64 = i64::MAX as u64;

/// How to evaluate a model. The [`table`] of settings has their names and grammars.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rotations to average over.
    pub mitigation: Mitigation,
    /// Seed of the random rotations.
    pub seed: u64,
    /// Random stream, at most [`MAX_STREAM`]: simulations with the same seed and different streams draw independent
    /// rotations.
    pub stream: u32,
    /// CPU threads of the model: each evaluates different replicas, or all work on one replica.
    pub threads: usize,
    /// Working memory of the model, MiB; larger structures are evaluated in parts.
    pub memory_mb: usize,
    /// Kind of forces; `None`: the model's preferred one.
    pub forces: Option<Forces>,
    /// Kind of forces of the bare model, between averages and in the correction; `None`: the same as `forces`.
    pub inner: Option<Forces>,
    /// Steps between averages in dynamics ([`Calculator::evaluate_in`](crate::Calculator::evaluate_in)); 1: every step.
    pub every: u64,
    /// Whether to return averaged minus bare results instead of averaged ones.
    pub correction: bool,
    /// Whether MPI ranks exchange messages between the layers of the model, where that is possible, instead of
    /// evaluating their ghosts again.
    pub exchange: bool,
    /// Where the model runs.
    pub device: Device,
    /// Shared library of ONNX Runtime; `None`: searched for in the usual places.
    pub library: Option<PathBuf>,
    /// Prefix of the files for ONNX Runtime's profile, the time of every node; `None`: no profile.
    pub profile: Option<PathBuf>,
    /// SHA-256 that the model must have, 64 hexadecimal digits; `None`: any.
    pub sha256: Option<String>,
    /// Whether a GPU may round products in single precision to TF32.
    pub tf32: bool,
    /// Conditions of structures that have none of their own.
    pub conditions: Conditions,
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
            exchange: true,
            device: Device::Cpu,
            library: None,
            profile: None,
            sha256: None,
            tf32: false,
            conditions: Conditions::default(),
        }
    }
}

/// A setting and the text of its value.
pub type Given<'a> = (&'static Setting, &'a str);

impl Settings {
    /// Returns the options of execution, independent of the average.
    pub fn running(&self) -> ExecutionOptions {
        let Self { threads, device, library, profile, sha256, tf32, .. } = self.clone();
        ExecutionOptions { threads, device, library, memory: self.memory_mb << 20, profile, sha256, tf32 }
    }

    /// Applies the settings that a front end has read, in their order. If a setting is given twice, the last value
    /// counts.
    ///
    /// # Errors
    /// The errors of [`Setting::set`], and [`Error::Setting`] for `inversion no` beside a `rotate` with `+inversion`.
    pub fn take(&mut self, given: &[Given]) -> Result<()> {
        for (index, (setting, text)) in given.iter().enumerate() {
            let again = given[index + 1..].iter().any(|(other, _)| other.name == setting.name);
            if !again {
                setting.set(self, text)?;
            }
        }
        let last = |name| given.iter().rev().find(|(setting, _)| setting.name == name).map(|(_, text)| text.trim());
        match (last("rotate"), last("inversion")) {
            (Some(rotate), Some(no)) if rotate.ends_with(INVERSION_SUFFIX) && switch(no) == Some(false) => {
                let problem = format!("contradicts rotate {}: leave one of them out", echo(rotate));
                Err(Error::Setting { name: "inversion", value: no.into(), problem })
            }
            _ => Ok(()),
        }
    }
}
