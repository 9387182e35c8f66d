//! Waiting requests in order of arrival, and the deadline of their batch.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::scheduler::{Key, Limits};

#[derive(Clone, Copy, Debug)]
struct Request {
    key: Key,
    structures: usize,
    since: Instant,
}

/// The waiting requests, at most one per connection.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Request>,
    /// When the last batch was done: requests that arrived during it have not yet waited for others.
    idle_since: Option<Instant>,
}

impl Queue {
    pub fn push(&mut self, key: Key, structures: usize) {
        self.waiting.push_back(Request { key, structures, since: Instant::now() });
    }

    pub fn forget(&mut self, key: Key) {
        self.waiting.retain(|request| request.key != key);
    }

    /// The time to submit the next batch; `active` connections are expected to send a request.
    pub fn deadline(&self, limits: &Limits, active: usize) -> Option<Instant> {
        let first = self.waiting.front()?;
        let since = self.idle_since.map_or(first.since, |idle| idle.max(first.since));
        Some(if self.full(limits, active) { since } else { since + limits.max_wait })
    }

    /// Records that a batch is done.
    pub fn batch_done(&mut self) {
        self.idle_since = Some(Instant::now());
    }

    /// Whether to evaluate: enough structures, a request of each expected connection, or the longest wait.
    #[cfg(test)]
    fn due(&self, now: Instant, limits: &Limits, active: usize) -> bool {
        self.deadline(limits, active).is_some_and(|deadline| deadline <= now)
    }

    fn full(&self, limits: &Limits, active: usize) -> bool {
        let structures: usize = self.waiting.iter().map(|request| request.structures).sum();
        self.waiting.len() >= active || structures >= limits.max_batch
    }

    /// Takes the first requests, at least one, with at most `max_batch` structures; returns them and how long the first
    /// has waited.
    pub fn take(&mut self, max_batch: usize, now: Instant) -> (Vec<Key>, Duration) {
        let waited = self.waiting.front().map_or(Duration::ZERO, |first| now.saturating_duration_since(first.since));
        let (mut keys, mut structures) = (vec![], 0);
        while let Some(request) = self.waiting.front() {
            structures += request.structures;
            if structures > max_batch && !keys.is_empty() {
                break;
            }
            keys.push(request.key);
            self.waiting.pop_front();
        }
        (keys, waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_batch: usize) -> Limits {
        let max_wait = Duration::from_secs(1);
        Limits {
            max_batch,
            max_wait,
            memory: 0,
            max_work: 0.0,
            max_text: 0,
            io_timeout: None,
            admission: None,
            idle: None,
        }
    }

    fn queue(requests: &[(Key, usize)]) -> Queue {
        let mut queue = Queue::default();
        requests.iter().for_each(|&(key, structures)| queue.push(key, structures));
        queue
    }

    #[test]
    fn batch_is_due_when_complete_full_or_late() {
        let (queue, now) = (queue(&[(1, 1), (2, 1)]), Instant::now());
        assert!(queue.due(now, &limits(8), 2));
        assert!(!queue.due(now, &limits(8), 3));
        assert!(queue.due(now, &limits(2), 3));
        assert!(queue.due(now + Duration::from_secs(2), &limits(8), 3));
        assert!(!Queue::default().due(now, &limits(8), 0));
    }

    #[test]
    fn requests_received_during_a_batch_wait_for_others() {
        let mut queue = queue(&[(1, 1)]);
        queue.batch_done();
        let (first, idle) = (queue.waiting[0].since, queue.idle_since.unwrap());
        assert!(!queue.due(first + Duration::from_secs(1), &limits(8), 2) || first == idle);
        assert!(queue.due(idle + Duration::from_secs(1), &limits(8), 2));
    }

    #[test]
    fn queue_serves_in_order_and_one_request_at_least() {
        let mut queue = queue(&[(1, 2), (2, 2), (3, 9), (4, 1)]);
        let mut take = || queue.take(5, Instant::now()).0;
        assert_eq!([take(), take(), take(), take()], [vec![1, 2], vec![3], vec![4], vec![]]);
    }

    #[test]
    fn queue_drops_requests_of_closed_connections() {
        let mut queue = queue(&[(1, 1), (2, 1)]);
        queue.forget(1);
        assert_eq!(queue.take(5, Instant::now()).0, [2]);
    }
}
