//! The log of a long-running command on the standard error: lines of text or JSON, and progress on a terminal.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::ProgressBar;
use serde_json::json;
use tumble_server::scheduler::BatchStats;

use crate::progress::{TICK, shown};

/// Time between two lines of progress in JSON.
const INTERVAL: Duration = Duration::from_secs(1);

/// Format of the log.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Sums over batches.
#[derive(Default)]
struct Sums {
    rounds: u64,
    structures: u64,
    evaluations: u64,
    busy: f64,
}

/// The log of a command on the standard error.
pub struct Log {
    format: LogFormat,
    /// Address of the peer.
    peer: String,
    /// Number of connections: the size of a full batch.
    connections: usize,
    bar: ProgressBar,
    start: Instant,
    last: Instant,
    /// The last event. Repeats are not logged: all connections begin and end alike.
    told: String,
    recent: Sums,
    total: Sums,
    spread: Option<f64>,
}

impl Log {
    /// Starts the log of the traffic with a peer.
    pub fn new(format: LogFormat, peer: &str, connections: usize) -> Self {
        let (now, peer) = (Instant::now(), peer.to_owned());
        let bar = match format {
            LogFormat::Text => shown(ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}"),
            LogFormat::Json => ProgressBar::hidden(),
        };
        let (recent, total) = (Sums::default(), Sums::default());
        Self { format, peer, connections, bar, start: now, last: now, told: String::new(), recent, total, spread: None }
    }

    /// Sets the number of connections.
    pub fn connections(&mut self, connections: usize) {
        self.connections = connections;
    }

    /// Logs an event as one line.
    pub fn event(&mut self, event: &str, text: &str) {
        if text == self.told && self.format == LogFormat::Text {
            return;
        }
        text.clone_into(&mut self.told);
        let line = match self.format {
            LogFormat::Text => format!("{}: {text}", self.peer),
            LogFormat::Json => {
                json!({ "event": event, "peer": self.peer, "text": text, "time": self.time() }).to_string()
            }
        };
        self.line(&line);
    }

    /// Logs once that the server is not there yet.
    pub fn waiting(&mut self, reason: &str) {
        let text = format!("waiting for the server ({reason})");
        if text != self.told {
            self.event("waiting", &text);
        }
    }

    /// Adds an evaluated batch.
    pub fn round(&mut self, round: &BatchStats) {
        for sums in [&mut self.recent, &mut self.total] {
            sums.rounds += 1;
            sums.structures += round.structures as u64;
            sums.evaluations += round.evaluations as u64;
            sums.busy += round.took.as_secs_f64();
        }
        self.spread = round.spread.or(self.spread);
        let every = if self.format == LogFormat::Json { INTERVAL } else { TICK };
        if self.last.elapsed() >= every {
            self.progress();
        }
    }

    fn progress(&mut self) {
        let seconds = self.last.elapsed().as_secs_f64();
        let Sums { rounds, structures, .. } = self.recent;
        let (rate, fill) = (structures as f64 / seconds, structures as f64 / rounds.max(1) as f64);
        if self.format == LogFormat::Json {
            let line = json!({
                "event": "progress", "time": self.time(), "structures": self.total.structures,
                "evaluations": self.total.evaluations, "per_second": rate, "batch": fill, "spread": self.spread,
                "busy": self.recent.busy / seconds,
            });
            say(&line.to_string());
        } else {
            let spread = self.spread.map_or(String::new(), |spread| format!(", spread {:.2} meV", 1e3 * spread));
            let batch = format!("{fill:.1}/{}", self.connections);
            self.bar.set_message(format!("{} structures, {rate:.1}/s{spread}, batch {batch}", self.total.structures));
        }
        (self.last, self.recent) = (Instant::now(), Sums::default());
    }

    /// Logs the totals.
    pub fn finish(mut self, ending: &str) {
        self.bar.finish_and_clear();
        let Sums { structures, evaluations, busy, .. } = self.total;
        let time = self.time();
        let line = match self.format {
            LogFormat::Text => format!(
                "{}: {structures} structures, {evaluations} evaluations in {time:.1} s, {busy:.1} s of them evaluating",
                self.peer
            ),
            LogFormat::Json => json!({
                "event": "end", "ending": ending, "time": time, "structures": structures, "evaluations": evaluations,
                "busy": busy, "spread": self.spread,
            })
            .to_string(),
        };
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Seconds since the start.
    fn time(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// Prints a line on the standard error. A closed pipe or a full disk is ignored. Control characters are replaced, since
/// the line may quote a peer and must not control the terminal.
pub fn say(line: &str) {
    let line = line.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    let _ = writeln!(std::io::stderr(), "{line}");
}
