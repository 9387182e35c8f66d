//! The acceptor: a listener watched by the poller, and paused while the system has no resources for more connections.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use polling::{Event as Readiness, PollMode, Poller};
use tumble_ipi::net::Listener;

use crate::scheduler::{Event, LISTENER};

/// Connections accepted per turn: fewer than may be pending, so that each can send its `INIT` before the next ones
/// evict it.
const MAX_ACCEPTS: usize = 16;

/// Pause after so many connections, for those already accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(1);

/// Pause when the system has no resources.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Acceptor {
    listener: Listener,
    /// When to accept again after a pause.
    resume: Option<Instant>,
    /// Whether the last attempt failed.
    failing: bool,
}

impl Acceptor {
    /// Registers the listener with the poller.
    pub fn open(listener: Listener, poller: &Poller) -> io::Result<Self> {
        // SAFETY: the owner of the poller closes the acceptor before it is dropped.
        unsafe { poller.add_with_mode(&listener.as_fd(), Readiness::readable(LISTENER), PollMode::Level)? };
        Ok(Self { listener, resume: None, failing: false })
    }

    /// Accepts waiting connections, and pauses after [`MAX_ACCEPTS`] or a failure.
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

    /// The time to call [`Acceptor::reopen`].
    pub fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// Watches the listener again once the pause is over.
    pub fn reopen(&mut self, poller: &Poller) {
        if self.resume.is_some_and(|resume| resume <= Instant::now()) {
            self.resume = None;
            self.watch(poller, Readiness::readable(LISTENER));
        }
    }

    fn watch(&self, poller: &Poller, readiness: Readiness) {
        // It cannot fail for a listener in the poller, as ours is.
        let _ = poller.modify_with_mode(self.listener.as_fd(), readiness, PollMode::Level);
    }

    /// Removes the listener from the poller.
    pub fn close(&self, poller: &Poller) {
        let _ = poller.delete(self.listener.as_fd());
    }
}
