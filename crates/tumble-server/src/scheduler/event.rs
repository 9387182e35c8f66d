//! What a scheduler tells its owner.

use std::io;
use std::time::Duration;

use tumble_core::average::Evaluation;
use tumble_ipi::net::Stream;

use crate::scheduler::{DisconnectReason, Key};

/// What the owner of a scheduler should know or do.
#[derive(Debug)]
pub enum Event {
    /// Somebody connects; [`Scheduler::add`](crate::scheduler::Scheduler::add) or drop the stream.
    Connected(Stream, String),
    /// Somebody could not be accepted, for want of file descriptors, say; it is tried again, and said once until it
    /// goes well.
    NotAccepted(io::Error),
    /// A connection that had begun nothing was ended, since there were too many of its kind. Who was at its other side.
    Evicted(String),
    /// A connection wants to begin: [`Scheduler::begin`](crate::scheduler::Scheduler::begin) or [`Scheduler::refuse`](crate::scheduler::Scheduler::refuse).
    Init(Key, String),
    /// A batch was evaluated.
    Evaluated(BatchStats),
    /// A connection has ended.
    Ended {
        /// Which.
        key: Key,
        /// Who was at its other side.
        peer: String,
        /// How.
        end: DisconnectReason,
    },
}

/// One round of evaluation.
#[derive(Clone, Debug, Default)]
pub struct BatchStats {
    /// Connections answered.
    pub requests: usize,
    /// Structures evaluated.
    pub structures: usize,
    /// Atoms in them.
    pub atoms: usize,
    /// Evaluations of the model.
    pub evaluations: usize,
    /// Root mean square of the spreads of the energies, eV, if any structure was evaluated more than once.
    pub spread: Option<f64>,
    /// How long the first of them had waited for others.
    pub waited: Duration,
    /// How long the evaluation took.
    pub took: Duration,
}

impl BatchStats {
    /// Counts what was evaluated for one connection.
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
