//! How fast a connection may talk that asks for nothing.
//!
//! Statuses, new `INIT`s and bytes one by one cost their sender next to nothing. Whoever sends them without end would take
//! the loop's time from those who want results. So of each such connection a few messages are dealt with at a time, and
//! then it is left alone for many times as long as they took: it can take a fiftieth of the time, and no more. Structures
//! are not counted: they stand in a queue of their own.

use std::time::{Duration, Instant};

/// Messages that are dealt with at a time. Who asks for results sends fewer between two structures.
pub const BURST: usize = 16;

/// The shortest pause.
const PAUSE: Duration = Duration::from_millis(1);

/// The longest: the time may have gone to other programs.
const LONGEST: Duration = Duration::from_secs(1);

/// A pause is so many times as long as what went before has taken.
const SHARE: u32 = 50;

/// A read of less than this, bytes, is a message: others send pieces of that size without being asked to.
const SMALL: usize = 512;

/// How much a connection has talked since it last asked for results, or paused.
#[derive(Debug, Default)]
pub(super) struct Pace {
    messages: usize,
    spent: Duration,
    /// When something was begun for it.
    started: Option<Instant>,
    /// The end of its pause.
    resume: Option<Instant>,
}

impl Pace {
    /// Something is done for it from now on, until [`Pace::settle`].
    pub fn start(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// So many bytes were read at once.
    pub fn read(&mut self, length: usize) {
        self.messages += usize::from(length < SMALL);
    }

    /// So many messages were dealt with.
    pub fn dealt(&mut self, messages: usize) {
        self.messages += messages;
    }

    /// It has asked for results.
    pub fn asked(&mut self) {
        (self.messages, self.spent, self.started) = (0, Duration::ZERO, None);
    }

    /// It has caused so much work besides, which calls for a pause.
    pub fn charge(&mut self, spent: Duration) {
        self.spent += spent;
        self.messages = BURST;
    }

    /// What was begun is done; begins a pause if one is due.
    pub fn settle(&mut self) {
        let Some(started) = self.started.take() else { return };
        let now = Instant::now();
        self.spent += now - started;
        if self.messages >= BURST && self.resume.is_none() {
            self.resume = Some(now + (PAUSE + SHARE * self.spent).min(LONGEST));
            (self.messages, self.spent) = (0, Duration::ZERO);
        }
    }

    /// The end of the pause, if there is one.
    pub fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// Ends a pause that is over; whether one has ended.
    pub fn resumed(&mut self, now: Instant) -> bool {
        self.resume.take_if(|resume| *resume <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_pauses_clients_without_requests_only() {
        let (mut talker, mut asker) = (Pace::default(), Pace::default());
        for _ in 0..BURST {
            [&mut talker, &mut asker].into_iter().for_each(Pace::start);
            talker.dealt(1);
            asker.read(12);
            asker.dealt(1);
            asker.asked();
            [&mut talker, &mut asker].into_iter().for_each(Pace::settle);
        }
        assert_eq!(asker.resume(), None);
        let pause = talker.resume().unwrap();
        assert!(pause > Instant::now());
        assert!(!talker.resumed(pause - PAUSE) && talker.resumed(pause) && talker.resume().is_none());
    }

    #[test]
    fn a_pause_is_fifty_times_as_long_as_the_work_up_to_a_second() {
        for (work, least) in [(Duration::from_millis(10), 400), (Duration::from_secs(10), 900)] {
            let mut pace = Pace::default();
            pace.start();
            pace.charge(work);
            pace.settle();
            let pause = pace.resume().unwrap().duration_since(Instant::now());
            assert!((least..=1000).contains(&pause.as_millis()), "{pause:?}");
        }
    }

    #[test]
    fn large_messages_in_many_pieces_are_not_talk() {
        let mut pace = Pace::default();
        (0..1000).for_each(|_| {
            pace.start();
            pace.read(1448);
            pace.settle();
        });
        assert_eq!(pace.resume(), None);
    }
}
