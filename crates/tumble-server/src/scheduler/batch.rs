//! Passes requests from the queue to the evaluator, and its results to the connections.

use std::time::{Duration, Instant};

use tumble_core::average::Evaluation;
use tumble_core::cancel::CancelReason;

use crate::error::Result;
use crate::scheduler::evaluator::{Batch, BatchResult};
use crate::scheduler::request::Request;
use crate::scheduler::{Event, Key, Scheduler};

/// The shortest time between two batches during an evaluation; the second is evaluated between two runs of the model.
const MIN_INTERVAL: Duration = Duration::from_millis(50);

impl Scheduler {
    /// The time to submit the next batch: at once when the evaluator is idle and the batch complete.
    pub(super) fn next_batch(&self) -> Option<Instant> {
        let due = self.queue.deadline(&self.limits, self.active())?;
        Some(if self.evaluating.is_empty() { due } else { due.max(self.submitted_at + MIN_INTERVAL) })
    }

    /// Submits one batch to the evaluator.
    pub(super) fn submit_batch(&mut self) {
        self.submitted_at = Instant::now();
        let (keys, waited) = self.queue.take(self.limits.max_batch, self.submitted_at);
        for (key, connection) in &mut self.connections {
            connection.active &= keys.contains(key) || self.evaluating.contains_key(key);
        }
        let request = |key: Key| self.connections.get_mut(&key)?.take_request(key);
        let requests: Vec<Request> = keys.into_iter().filter_map(request).collect();
        self.evaluating.extend(requests.iter().map(|request| (request.key, request.cancel.clone())));
        self.evaluator.submit(Batch { requests, waited });
    }

    /// Answers the finished requests.
    pub(super) fn collect(&mut self) {
        let mut idle = self.evaluating.is_empty();
        while let Some(BatchResult { stats, results }) = self.evaluator.next_result() {
            for (request, evaluations) in results {
                self.evaluating.remove(&request.key);
                self.answer(request, evaluations);
            }
            if stats.requests > 0 {
                self.events.push(Event::Evaluated(stats));
            }
            idle = false;
        }
        if !idle && self.evaluating.is_empty() {
            self.queue.batch_done();
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

    /// Cancels the evaluation of a closed connection.
    pub(super) fn cancel_evaluation(&self, key: Key) {
        self.evaluating.get(&key).iter().for_each(|cancel| cancel.cancel(CancelReason::Gone));
    }
}
