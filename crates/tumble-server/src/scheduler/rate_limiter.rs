//! The rate limiter of a connection's small messages.
//!
//! Statuses, new `INIT`s and single bytes cost their sender next to nothing; an endless stream of them would take the
//! loop's time from simulations. A connection is therefore served a burst of messages, and then paused for many times
//! as long as they took: it gets a fiftieth of the time at most. Structures are exempt: they wait in the queue.

use std::time::{Duration, Instant};

/// Messages served before a pause. A simulation sends fewer between two structures.
pub const BURST: usize = 16;

/// The shortest pause.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// The longest pause: the measured time may include time of other programs.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Length of a pause per time spent before it.
const PAUSE_FACTOR: u32 = 50;

/// A read of fewer bytes counts as a message: large messages arrive in larger pieces by themselves.
const SMALL_READ: usize = 512;

/// Messages and time of a connection since its last request for results, or its last pause.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    messages: usize,
    spent: Duration,
    /// Start of the work in progress for the connection.
    started: Option<Instant>,
    paused_until: Option<Instant>,
}

impl RateLimiter {
    /// Starts counting time, until [`RateLimiter::stop_timer`].
    pub fn start_timer(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// Counts one read of `length` bytes.
    pub fn count_read(&mut self, length: usize) {
        self.messages += usize::from(length < SMALL_READ);
    }

    /// Counts served messages.
    pub fn count_messages(&mut self, messages: usize) {
        self.messages += messages;
    }

    /// Starts anew, after a request for results.
    pub fn reset(&mut self) {
        (self.messages, self.spent, self.started) = (0, Duration::ZERO, None);
    }

    /// Adds time spent elsewhere for the connection, and makes a pause due.
    pub fn charge(&mut self, spent: Duration) {
        self.spent += spent;
        self.messages = BURST;
    }

    /// Stops counting time; begins a pause if one is due.
    pub fn stop_timer(&mut self) {
        let Some(started) = self.started.take() else { return };
        let now = Instant::now();
        self.spent += now - started;
        if self.messages >= BURST && self.paused_until.is_none() {
            self.paused_until = Some(now + (MIN_PAUSE + PAUSE_FACTOR * self.spent).min(MAX_PAUSE));
            (self.messages, self.spent) = (0, Duration::ZERO);
        }
    }

    /// The end of the current pause.
    pub fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Ends the pause if its time is over; returns whether it did.
    pub fn end_pause(&mut self, now: Instant) -> bool {
        self.paused_until.take_if(|end| *end <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limiter_pauses_connections_without_requests_only() {
        let (mut talker, mut asker) = (RateLimiter::default(), RateLimiter::default());
        for _ in 0..BURST {
            [&mut talker, &mut asker].into_iter().for_each(RateLimiter::start_timer);
            talker.count_messages(1);
            asker.count_read(12);
            asker.count_messages(1);
            asker.reset();
            [&mut talker, &mut asker].into_iter().for_each(RateLimiter::stop_timer);
        }
        assert_eq!(asker.paused_until(), None);
        let end = talker.paused_until().unwrap();
        assert!(end > Instant::now());
        assert!(!talker.end_pause(end - MIN_PAUSE) && talker.end_pause(end) && talker.paused_until().is_none());
    }

    #[test]
    fn pause_lasts_fifty_times_the_work_up_to_a_second() {
        for (work, least) in [(Duration::from_millis(10), 400), (Duration::from_secs(10), 900)] {
            let mut limiter = RateLimiter::default();
            limiter.start_timer();
            limiter.charge(work);
            limiter.stop_timer();
            let pause = limiter.paused_until().unwrap().duration_since(Instant::now());
            assert!((least..=1000).contains(&pause.as_millis()), "{pause:?}");
        }
    }

    #[test]
    fn large_messages_in_many_pieces_are_not_limited() {
        let mut limiter = RateLimiter::default();
        (0..1000).for_each(|_| {
            limiter.start_timer();
            limiter.count_read(1448);
            limiter.stop_timer();
        });
        assert_eq!(limiter.paused_until(), None);
    }
}
