//! Requests from the queue to the thread that evaluates, and answers from there.

use std::time::{Duration, Instant};

use tumble_core::average::Evaluation;
use tumble_core::cancel::Reason;

use crate::error::Result;
use crate::scheduler::evaluator::{Done, Order};
use crate::scheduler::request::Request;
use crate::scheduler::{Event, Key, Scheduler};

/// How long the model is left to an evaluation before others are handed over, to come between two of its runs.
const TURN: Duration = Duration::from_millis(50);

impl Scheduler {
    /// When to hand over what waits: at once when the model is free and the batch complete.
    pub(super) fn next_batch(&self) -> Option<Instant> {
        let due = self.queue.deadline(&self.limits, self.active())?;
        Some(if self.evaluating.is_empty() { due } else { due.max(self.handed_over + TURN) })
    }

    /// Hands over one batch.
    pub(super) fn hand_over(&mut self) {
        self.handed_over = Instant::now();
        let (keys, waited) = self.queue.take(self.limits.max_batch, self.handed_over);
        for (key, connection) in &mut self.connections {
            connection.active &= keys.contains(key) || self.evaluating.contains_key(key);
        }
        let request = |key: Key| self.connections.get_mut(&key)?.hand_over(key);
        let requests: Vec<Request> = keys.into_iter().filter_map(request).collect();
        self.evaluating.extend(requests.iter().map(|request| (request.key, request.cancel.clone())));
        self.evaluator.hand_over(Order { requests, waited });
    }

    /// Answers what was evaluated.
    pub(super) fn collect(&mut self) {
        let mut idle = self.evaluating.is_empty();
        while let Some(Done { round, results }) = self.evaluator.done() {
            for (request, evaluations) in results {
                self.evaluating.remove(&request.key);
                self.answer(request, evaluations);
            }
            if round.requests > 0 {
                self.happenings.push(Event::Evaluated(round));
            }
            idle = false;
        }
        if !idle && self.evaluating.is_empty() {
            self.queue.done();
        }
    }

    fn answer(&mut self, request: Request, evaluations: Result<Vec<Evaluation>>) {
        let key = request.key;
        let kept: usize = self.connections.values().map(crate::scheduler::Connection::kept).sum();
        let Some(connection) = self.connections.get_mut(&key) else { return };
        connection.keep(request.into_lists(), self.limits.memory.saturating_sub(kept));
        let answer = |evaluations| connection.answer(evaluations).map_err(|refusal| refusal.to_string());
        match evaluations.map_err(|error| error.to_string()).and_then(answer) {
            Ok(()) => self.advance(key),
            Err(sentence) => self.refuse(key, sentence),
        }
    }

    /// Ends the evaluation of a connection that has gone.
    pub(super) fn give_up(&self, key: Key) {
        self.evaluating.get(&key).iter().for_each(|cancel| cancel.cancel(Reason::Gone));
    }
}
