//! The entrance: a listener that the poller watches, and leaves alone for a while when the system has no more room.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use polling::{Event as Readiness, PollMode, Poller};
use tumble_ipi::net::Listener;

use crate::scheduler::{Event, LISTENER};

/// How many are accepted before those who are there already have a turn: fewer than may be pending, so that each of
/// them can say what it wants before the next ones take its place.
const MAX_ACCEPTS: usize = 16;

/// How long those who are there have it to themselves when more come than that.
const ACCEPT_PAUSE: Duration = Duration::from_millis(1);

/// How long nobody is accepted when the system has no room.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Acceptor {
    listener: Listener,
    /// When to accept again, after the system had no more room.
    resume: Option<Instant>,
    /// Whether the last one could not be accepted.
    failing: bool,
}

impl Acceptor {
    /// Has the poller watch it.
    pub fn open(listener: Listener, poller: &Poller) -> io::Result<Self> {
        // SAFETY: whoever owns the poller closes the entrance before it is dropped.
        unsafe { poller.add_with_mode(&listener.as_fd(), Readiness::readable(LISTENER), PollMode::Level)? };
        Ok(Self { listener, resume: None, failing: false })
    }

    /// Accepts those who wait.
    pub fn accept(&mut self, poller: &Poller, events: &mut Vec<Event>) {
        for _ in 0..MAX_ACCEPTS {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.failing = false;
                    events.push(Event::Connected(stream, peer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        events.push(Event::NotAccepted(error));
                    }
                    return self.pause(EXHAUSTED_PAUSE, poller);
                }
            }
        }
        self.pause(ACCEPT_PAUSE, poller);
    }

    fn pause(&mut self, pause: Duration, poller: &Poller) {
        self.resume = Some(Instant::now() + pause);
        self.watch(poller, Readiness::none(LISTENER));
    }

    /// When to call [`Acceptor::reopen`].
    pub fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// Has it watched again, if the pause is over.
    pub fn reopen(&mut self, poller: &Poller) {
        if self.resume.is_some_and(|resume| resume <= Instant::now()) {
            self.resume = None;
            self.watch(poller, Readiness::readable(LISTENER));
        }
    }

    fn watch(&self, poller: &Poller, readiness: Readiness) {
        // It cannot fail for a listener that is in the poller, which ours is.
        let _ = poller.modify_with_mode(self.listener.as_fd(), readiness, PollMode::Level);
    }

    /// Takes it from the poller.
    pub fn close(&self, poller: &Poller) {
        let _ = poller.delete(self.listener.as_fd());
    }
}
