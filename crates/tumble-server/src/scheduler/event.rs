//! Events of the scheduler.

use std::io;
use std::time::Duration;

use tumble_core::average::Evaluation;
use tumble_ipi::net::Stream;

use crate::scheduler::{DisconnectReason, Key};

/// An event for the scheduler's owner to handle.
#[derive(Debug)]
pub enum Event {
    /// A new connection and its peer: pass it to [`Scheduler::add`](crate::scheduler::Scheduler::add), or drop it.
    Connected(Stream, String),
    /// A connection could not be accepted, for example for lack of file descriptors; the scheduler tries again, and
    /// reports once until it succeeds.
    NotAccepted(io::Error),
    /// A connection before its `INIT` was closed, as there were too many; with its peer.
    Evicted(String),
    /// The text of an `INIT`: answer with [`Scheduler::begin`](crate::scheduler::Scheduler::begin) or
    /// [`Scheduler::refuse`](crate::scheduler::Scheduler::refuse).
    Init(Key, String),
    /// A batch was evaluated.
    Evaluated(BatchStats),
    /// A connection has ended.
    Ended {
        /// The connection.
        key: Key,
        /// Its peer.
        peer: String,
        /// The reason.
        end: DisconnectReason,
    },
}

/// Statistics of one batch.
#[derive(Clone, Debug, Default)]
pub struct BatchStats {
    /// Connections answered.
    pub requests: usize,
    /// Structures evaluated.
    pub structures: usize,
    /// Atoms of these structures.
    pub atoms: usize,
    /// Evaluations of the model.
    pub evaluations: usize,
    /// Root mean square of the spreads of the energies, eV, if any structure had more than one evaluation.
    pub spread: Option<f64>,
    /// How long the first request had waited for others.
    pub waited: Duration,
    /// How long the evaluation took.
    pub took: Duration,
}

impl BatchStats {
    /// Adds the evaluations of one request.
    pub(super) fn add(&mut self, evaluations: &[Evaluation]) {
        let before = self.structures as f64;
        self.structures += evaluations.len();
        self.atoms += evaluations.iter().map(|e| e.forces.len()).sum::<usize>();
        self.evaluations += evaluations.iter().map(|e| e.evaluations).sum::<usize>();
        if evaluations.iter().any(Evaluation::replicated) {
            let squares: f64 = evaluations.iter().map(|e| e.spread.energy.powi(2)).sum();
            let sum = self.spread.map_or(0.0, |spread| spread.powi(2) * before) + squares;
            self.spread = Some((sum / self.structures as f64).sqrt());
        }
    }
}
