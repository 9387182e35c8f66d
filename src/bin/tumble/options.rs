//! What commands that evaluate a model have in common beside [`crate::settings`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tumble::{Error, Result};
use tumble_core::Cancel;
use tumble_core::Settings;
use tumble_core::calculator::Calculator;
use tumble_core::hash::Hash;
use tumble_engine::OnnxPotential;
use tumble_server::scheduler::Shutdown;

use crate::log::say;

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
