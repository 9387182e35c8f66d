//! Options shared by the commands that evaluate a model, beside [`crate::settings`].

use std::fmt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use clap::Args;
use tumble::{Error, Result};
use tumble_core::Cancel;
use tumble_core::Settings;
use tumble_core::calculator::Calculator;
use tumble_core::hash::Hash;
use tumble_core::potential::Potential;
use tumble_engine::{Loaded, OnnxPotential};
use tumble_server::scheduler::Shutdown;

use crate::log::say;

/// The option `--max-seconds`.
#[derive(Args)]
pub struct TimeLimit {
    /// Stop the command after this time, seconds, with exit code 124
    #[arg(long, value_name = "S", value_parser = limit)]
    max_seconds: Option<Duration>,
}

impl TimeLimit {
    /// Returns a token that cancels evaluations at the limit, or when a signal comes.
    pub fn cancel(&self) -> Result<Cancel> {
        let cancel = Cancel::default();
        let interrupt = Shutdown::by_signals().map_err(|source| Error::Signals { source })?;
        interrupt.ends(&cancel);
        self.watch(&interrupt);
        Ok(cancel)
    }

    /// Triggers the interrupt at the limit.
    pub fn watch(&self, interrupt: &Arc<Shutdown>) {
        self.max_seconds.iter().for_each(|limit| interrupt.after(*limit));
    }
}

/// Exit code at the time limit, as for timeout(1).
pub const LATE: u8 = 124;

/// Exit code after a signal, as in a shell after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// How often a wait for input looks for the time limit and for signals.
pub const POLL: Duration = Duration::from_millis(100);

/// Reads input in a thread of its own, so that a time limit or a signal ends even the wait for a pipe.
///
/// # Errors
/// Those of `read`, and that of a cancellation.
pub fn reading<T: Send + 'static>(cancel: &Cancel, read: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = channel();
    // It is not joined if it is cancelled: it may wait for ever.
    let thread = thread::spawn(move || drop(sender.send(read())));
    loop {
        match receiver.recv_timeout(POLL) {
            Ok(found) => return found,
            Err(RecvTimeoutError::Timeout) => cancel.check()?,
            Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().expect_err("it has sent nothing")),
        }
    }
}

/// The model of a command, or the models of a committee.
#[derive(Args)]
pub struct Models {
    /// The model
    model: PathBuf,

    /// Another model of a committee, besides MODEL; repeat it for more. Energies and forces are then means over all
    /// models, and their deviations are reported
    #[arg(long = "model", value_name = "FILE")]
    others: Vec<PathBuf>,
}

impl fmt::Display for Models {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let files: Vec<_> = self.files().into_iter().map(|file| file.display().to_string()).collect();
        f.write_str(&files.join(", "))
    }
}

impl Models {
    /// Returns the files, the first one first.
    fn files(&self) -> Vec<&PathBuf> {
        [&self.model].into_iter().chain(&self.others).collect()
    }

    /// Loads a calculator and prints its notes.
    pub fn calculator(&self, settings: &Settings) -> Result<Calculator> {
        let calculator = tumble_engine::load_models(&self.files(), settings)?;
        tell(calculator.notes());
        Ok(calculator)
    }

    /// Loads a potential and prints its notes.
    pub fn potential(&self, settings: &Settings) -> Result<Box<dyn Potential>> {
        let Loaded { potential, notes, .. } = Loaded::open(&self.files(), settings)?;
        tell(&notes);
        Ok(potential)
    }
}

/// Loads a model and prints its notes on how it runs.
pub fn load(model: &Path, settings: &Settings) -> Result<OnnxPotential> {
    settings.check()?;
    let potential = OnnxPotential::load(model, &settings.running())?;
    tell(potential.notes());
    Ok(potential)
}

fn tell(notes: &[String]) {
    notes.iter().for_each(|note| say(&format!("note: {note}")));
}

/// Parses a SHA-256 in hexadecimal digits.
pub fn hash(text: &str) -> Result<String, String> {
    Hash::parse(text).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Parses a time in seconds: up to 30 years, since clocks overflow before numbers do.
pub fn seconds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 0..=1_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 0 to 1000000000".into()),
    }
}

/// Parses a time in microseconds, with the limit of [`seconds`].
pub fn microseconds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 0..=1_000_000_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 0 to 1000000000000000".into()),
    }
}

/// Parses a time above zero, up to 30 years.
pub fn limit(text: &str) -> Result<Duration, String> {
    match above_zero(text)? {
        seconds if seconds <= 1e9 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("must be at most 1000000000".into()),
    }
}

/// Parses a count of at least one; counts beyond any machine are mistakes.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number @ 1..=1_000_000_000) => Ok(number),
        _ => Err("must be a whole number from 1 to 1000000000".into()),
    }
}

/// Parses a finite number above zero.
pub fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a number above 0".into())
}
