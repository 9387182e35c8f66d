//! One batch: requests from the queue, their structures through the model, and an answer for each.

use std::time::Instant;

use super::{Happening, Key, Round, Scheduler};
use crate::average::Evaluation;
use crate::error::Result;
use crate::together::{Task, evaluate_together};

impl Scheduler {
    /// One batch.
    pub(super) fn evaluate(&mut self) {
        let start = Instant::now();
        let (keys, waited) = self.queue.take(self.limits.max_batch, start);
        for (key, connection) in &mut self.connections {
            connection.lively &= keys.contains(key);
        }
        let ready: Vec<_> = keys.into_iter().filter(|key| self.prepare(*key)).collect();
        let mut results = self.results(&ready).into_iter();
        let mut round = Round { waited, requests: ready.len(), ..Round::default() };
        for key in ready {
            let count = self.connections[&key].structures();
            // All of them are taken, also after one that failed: what follows is of the next connection.
            let evaluations: Vec<_> = results.by_ref().take(count).collect();
            self.answer(key, evaluations.into_iter().collect(), &mut round);
        }
        round.took = start.elapsed();
        self.queue.done();
        self.happenings.push(Happening::Evaluated(round));
    }

    /// Finds the neighbors of a request; false if it had to be refused.
    fn prepare(&mut self, key: Key) -> bool {
        let Some(connection) = self.connections.get_mut(&key) else { return false };
        let prepared = connection.prepare();
        prepared.map_err(|error| self.refuse(key, error.to_string())).is_ok()
    }

    fn results(&mut self, keys: &[Key]) -> Vec<Result<Evaluation>> {
        let tasks: Vec<Task> = keys.iter().flat_map(|key| self.connections[key].tasks()).collect();
        evaluate_together(self.potential.as_mut(), &tasks, self.limits.memory)
    }

    fn answer(&mut self, key: Key, evaluations: Result<Vec<Evaluation>>, round: &mut Round) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let answered = evaluations.map_err(|error| error.to_string()).and_then(|evaluations| {
            round.add(&evaluations);
            connection.answer(evaluations)
        });
        match answered {
            Ok(()) => self.advance(key),
            Err(sentence) => self.refuse(key, sentence),
        }
    }
}
