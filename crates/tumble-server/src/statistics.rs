//! Statistics of a server.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::scheduler::BatchStats;

/// Sums over an interval.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sums {
    /// Batches.
    pub batches: u64,
    /// Requests answered.
    pub requests: u64,
    /// Structures evaluated.
    pub structures: u64,
    /// Evaluations of the model.
    pub evaluations: u64,
    /// Atoms in the structures.
    pub atoms: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections refused or ended with an error.
    pub refused: u64,
    /// Seconds of evaluation.
    pub busy: f64,
    /// Seconds that batches waited for more requests.
    pub waited: f64,
}

/// One line of statistics.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// Seconds since the start.
    pub time: f64,
    /// Connections now.
    pub connections: usize,
    /// Since the start.
    pub total: &'a Sums,
    /// Since the last line.
    pub recent: &'a Sums,
    /// Length of the interval of `recent`, seconds.
    pub interval: f64,
}

/// Sums since the start and since the last line.
#[derive(Debug)]
pub struct Statistics {
    start: Instant,
    last: Instant,
    total: Sums,
    recent: Sums,
}

impl Default for Statistics {
    fn default() -> Self {
        let now = Instant::now();
        Self { start: now, last: now, total: Sums::default(), recent: Sums::default() }
    }
}

impl Statistics {
    /// Counts a batch.
    pub fn add(&mut self, stats: &BatchStats) {
        for sums in [&mut self.total, &mut self.recent] {
            sums.batches += 1;
            sums.requests += stats.requests as u64;
            sums.structures += stats.structures as u64;
            sums.evaluations += stats.evaluations as u64;
            sums.atoms += stats.atoms as u64;
            sums.busy += stats.took.as_secs_f64();
            sums.waited += stats.waited.as_secs_f64();
        }
    }

    /// Counts an accepted connection.
    pub fn accept(&mut self) {
        self.total.accepted += 1;
        self.recent.accepted += 1;
    }

    /// Counts a refused connection.
    pub fn refuse(&mut self) {
        self.total.refused += 1;
        self.recent.refused += 1;
    }

    /// Since the start.
    pub fn total(&self) -> &Sums {
        &self.total
    }

    /// The time of the next line.
    pub fn due(&self, every: Duration) -> Instant {
        self.last + every
    }

    /// Returns a JSON object in one line, and begins the next interval.
    pub fn line(&mut self, connections: usize) -> String {
        let now = Instant::now();
        let line = Line {
            time: (now - self.start).as_secs_f64(),
            connections,
            total: &self.total,
            recent: &self.recent,
            interval: (now - self.last).as_secs_f64(),
        };
        // It cannot fail: all fields are numbers.
        let text = serde_json::to_string(&line).unwrap_or_default();
        (self.last, self.recent) = (now, Sums::default());
        text
    }
}
