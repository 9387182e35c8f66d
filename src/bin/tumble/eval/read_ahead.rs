//! Frames read by a thread of their own while others are evaluated, as many as bounded memory holds.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use tumble_core::Cancel;
use tumble_core::parallel::locked;
use tumble_xyz::{Error, Frame, Result};

use crate::options::POLL;

/// Atoms of the frames that are read ahead: enough to keep several workers busy, in a few megabytes.
const ATOMS: usize = 1 << 14;

/// The longest wait of a frame for others, if the input is not a regular file: a program that writes slowly wants its
/// results. A regular file is always read in full groups, so that two runs have the same groups.
const WAIT: Duration = Duration::from_millis(500);

/// A group of frames in the order of the file, and the error that ended it, if there was one.
pub struct Group {
    /// The frames; none at the end of the file.
    pub frames: Vec<Frame>,
    /// The error of the next frame.
    pub error: Option<Error>,
}

/// The reading thread and its queue. If it is dropped early, the thread stops at the next frame.
pub struct ReadAhead {
    queue: Arc<Queue>,
    /// Whether to wait for full groups.
    full: bool,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    frames: Vec<Frame>,
    atoms: usize,
    /// When the first frame came.
    since: Option<Instant>,
    error: Option<Error>,
    /// Whether the reader is done.
    ended: bool,
    /// Whether nobody wants more frames.
    dropped: bool,
}

impl ReadAhead {
    /// Starts to read frames; waits for full groups if the file is `regular`.
    pub fn start(frames: impl Iterator<Item = Result<Frame>> + Send + 'static, regular: bool) -> Self {
        let queue = Arc::new(Queue::default());
        let reader = Reader(Arc::clone(&queue));
        // It is not joined: it may wait for a pipe for ever.
        thread::spawn(move || reader.read(frames));
        Self { queue, full: regular }
    }

    /// Waits for the next group.
    ///
    /// # Errors
    /// That of a cancellation.
    pub fn next_group(&self, cancel: &Cancel) -> tumble_core::Result<Group> {
        let mut state = locked(&self.queue.state);
        while !state.ended && !state.is_full() {
            cancel.check()?;
            let left = state.since.map(|since| WAIT.saturating_sub(since.elapsed()));
            match left.filter(|_| !self.full) {
                Some(Duration::ZERO) => break,
                left => state = self.queue.wait(state, Some(left.unwrap_or(POLL).min(POLL))),
            }
        }
        self.queue.changed.notify_all();
        Ok(state.take())
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        locked(&self.queue.state).dropped = true;
        self.queue.changed.notify_all();
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.atoms >= ATOMS
    }

    fn push(&mut self, frame: Frame) {
        self.atoms += frame.system.len();
        self.since.get_or_insert_with(Instant::now);
        self.frames.push(frame);
    }

    fn take(&mut self) -> Group {
        (self.atoms, self.since) = (0, None);
        Group { frames: std::mem::take(&mut self.frames), error: self.error.take() }
    }
}

impl Queue {
    /// Waits for a change, at most as long as given.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Option<Duration>) -> MutexGuard<'a, State> {
        // A poisoned lock is taken as it is, as by `locked`.
        match most {
            None => self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            Some(most) => self.changed.wait_timeout(state, most).unwrap_or_else(|poisoned| poisoned.into_inner()).0,
        }
    }
}

/// The reading side of a queue; whatever ends it, even a panic, ends the queue.
struct Reader(Arc<Queue>);

impl Reader {
    fn read(self, frames: impl Iterator<Item = Result<Frame>>) {
        for frame in frames {
            let mut state = locked(&self.0.state);
            while state.is_full() && !state.dropped {
                state = self.0.wait(state, None);
            }
            match frame {
                _ if state.dropped => return,
                Ok(frame) => state.push(frame),
                Err(error) => state.error = Some(error),
            }
            // The evaluation waits for the first frame or for a full group; waking it for each frame would cost more than
            // reading the frame.
            if state.frames.len() == 1 || state.is_full() {
                self.0.changed.notify_all();
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        locked(&self.0.state).ended = true;
        self.0.changed.notify_all();
    }
}
