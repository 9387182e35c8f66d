//! Options of all commands that evaluate a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tumble::{Error, Result};
use tumble_core::Cancel;
use tumble_core::Settings;
use tumble_core::calculator::Calculator;
use tumble_core::execution::Device;
use tumble_core::hash::Hash;
use tumble_core::potential::Forces;
use tumble_engine::OnnxPotential;
use tumble_server::scheduler::Shutdown;

use crate::log::say;

/// How to evaluate the model.
#[derive(Args)]
pub struct Options {
    /// Rotations to average over: none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L,
    /// lebedev:L; a grid may be followed by +random
    #[arg(long, value_name = "SPEC", default_value = "none")]
    rotate: String,

    /// Add the inverted structure for every rotation
    #[arg(long)]
    inversion: bool,

    #[command(flatten)]
    running: Running,
}

/// How to run the model, whatever it is averaged over.
#[derive(Args)]
pub struct Running {
    /// Seed of random rotations
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed)]
    seed: u64,

    /// Threads of the model: each evaluates other replicas, or all share one
    #[arg(long, value_name = "N", default_value_t = Settings::default().threads)]
    threads: usize,

    /// Memory that the model may take, MB; bigger structures are evaluated in parts
    #[arg(long, value_name = "MB", default_value_t = Settings::default().memory_mb)]
    memory: usize,

    /// Kind of forces [default: what the model prefers]
    #[arg(long, value_name = "KIND")]
    forces: Option<ForcesOption>,

    /// Where the model runs
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceOption,

    /// Let a GPU round products in single precision to TF32: faster, to about 3 digits
    #[arg(long)]
    tf32: bool,

    /// SHA-256 that the model must have, as tumble info shows it: any other file is refused
    #[arg(long, value_name = "HEX", value_parser = hash)]
    sha256: Option<String>,
}

/// How long the command may take.
#[derive(Args)]
pub struct TimeLimit {
    /// Ends the command after so long, seconds, with exit code 124
    #[arg(long, value_name = "S", value_parser = limit)]
    max_seconds: Option<Duration>,
}

impl TimeLimit {
    /// Has evaluations that watch it end in time.
    pub fn cancel(&self) -> Result<Cancel> {
        let cancel = Cancel::default();
        if self.max_seconds.is_some() {
            let interrupt = Shutdown::new().map_err(|source| Error::Signals { source })?;
            interrupt.ends(&cancel);
            self.watch(&interrupt);
        }
        Ok(cancel)
    }

    /// Has the interrupt ask in time.
    pub fn watch(&self, interrupt: &Arc<Shutdown>) {
        self.max_seconds.iter().for_each(|limit| interrupt.after(*limit));
    }
}

/// The exit code of what has ended for want of time, as that of timeout(1).
pub const LATE: u8 = 124;

#[derive(Clone, Copy, ValueEnum)]
enum ForcesOption {
    /// -dU/dx
    Conservative,
    /// Predicted by the model itself
    Direct,
}

#[derive(Clone, Copy, ValueEnum)]
enum DeviceOption {
    Cpu,
    Cuda,
}

impl Options {
    /// As settings of a calculator.
    pub fn settings(&self, library: Option<PathBuf>) -> Settings {
        Settings { mitigation: self.rotate.clone(), inversion: self.inversion, ..self.running.settings(library) }
    }
}

impl Running {
    /// As settings of a calculator that averages over nothing.
    pub fn settings(&self, library: Option<PathBuf>) -> Settings {
        Settings {
            seed: self.seed,
            threads: self.threads,
            memory_mb: self.memory,
            forces: self.forces.map(|kind| match kind {
                ForcesOption::Conservative => Forces::Conservative,
                ForcesOption::Direct => Forces::Direct,
            }),
            device: match self.device {
                DeviceOption::Cpu => Device::Cpu,
                DeviceOption::Cuda => Device::Cuda,
            },
            library,
            sha256: self.sha256.clone(),
            tf32: self.tf32,
            ..Settings::default()
        }
    }
}

/// A calculator, with its notes told.
pub fn calculator(model: &Path, settings: &Settings) -> Result<Calculator> {
    let calculator = tumble_engine::load(model, settings)?;
    tell(calculator.notes());
    Ok(calculator)
}

/// Loads a model, and says what the user should know of how it is run.
pub fn load(model: &Path, settings: &Settings) -> Result<OnnxPotential> {
    settings.check()?;
    let potential = OnnxPotential::load(model, &settings.running())?;
    tell(potential.notes());
    Ok(potential)
}

fn tell(notes: &[String]) {
    notes.iter().for_each(|note| say(&format!("note: {note}")));
}

/// A SHA-256 in hexadecimal digits.
pub fn hash(text: &str) -> Result<String, String> {
    Hash::parse(text).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// A time, seconds: up to 30 years, since clocks do not count as far as numbers do.
pub fn seconds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 0..=1_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 0 to 1000000000".into()),
    }
}

/// A time, microseconds: as long as [`seconds`] allows.
pub fn microseconds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 0..=1_000_000_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 0 to 1000000000000000".into()),
    }
}

/// A time above zero, up to 30 years.
pub fn limit(text: &str) -> Result<Duration, String> {
    match above_zero(text)? {
        seconds if seconds <= 1e9 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("must be at most 1000000000".into()),
    }
}

/// A number of things of which there is at least one, and no more than a machine has: more is a mistake.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number @ 1..=1_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 1 to 1000000000".into()),
    }
}

/// A number that is neither zero nor infinite.
pub fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a number above 0".into())
}
