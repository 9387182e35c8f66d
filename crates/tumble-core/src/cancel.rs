//! Cancels an evaluation: its client has left, a signal came, or its time is up.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

pub use crate::cancel_reason::CancelReason;
use crate::error::{Error, Result};
use crate::parallel::locked;

/// Time between two polls of the host program; to answer, it may have to wait for a lock of its own.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A run of the model that another thread can end.
pub trait Cancellable: Send + Sync {
    /// Ends the run as soon as possible (`true`), or clears such a request before the run begins (`false`).
    fn end(&self, end: bool);
}

/// A cancellation token. It ends the evaluations that watch it, between two runs of the model or during one. Clones
/// share one state, and a cancellation is final.
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    /// 0, or a [`CancelReason`].
    reason: AtomicU8,
    running: Mutex<Vec<Arc<dyn Cancellable>>>,
    host: Option<Host>,
}

/// The host program, polled in its own thread.
struct Host {
    thread: ThreadId,
    poll: Box<dyn Fn() -> bool + Send + Sync>,
    next: Mutex<Instant>,
}

impl Cancel {
    /// A token that also calls `poll` about ten times a second, in the thread that creates it, and cancels if the
    /// answer is true.
    pub fn polling(poll: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let (thread, next) = (thread::current().id(), Mutex::new(Instant::now() + POLL_INTERVAL));
        Self(Arc::new(State { host: Some(Host { thread, poll: Box::new(poll), next }), ..State::default() }))
    }

    /// Cancels the evaluations. Only the first reason counts.
    pub fn cancel(&self, reason: CancelReason) {
        // Under the lock, so that no run begins unnoticed after the last one was ended.
        let running = locked(&self.0.running);
        let _ = self.0.reason.compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
        running.iter().for_each(|run| run.end(true));
    }

    /// Returns the reason of a cancellation, if there was one.
    pub fn reason(&self) -> Option<CancelReason> {
        use CancelReason::{Gone, Program, Signal, Time};
        let reason = self.0.reason.load(Ordering::Relaxed);
        [Gone, Signal, Time, Program].into_iter().find(|known| *known as u8 == reason)
    }

    /// Polls the host, and returns an error if the evaluation is cancelled.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.0.host.as_ref().is_some_and(Host::wants_to_end) {
            self.cancel(CancelReason::Program);
        }
        self.reason().map_or(Ok(()), |reason| Err(Error::Cancelled { reason }))
    }

    /// Runs `go`, and ends it early if it is cancelled meanwhile; the result of a cancelled run is discarded.
    pub fn during<T>(&self, run: &Arc<dyn Cancellable>, go: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        run.end(false);
        locked(&self.0.running).push(Arc::clone(run));
        // A cancellation may have come before the run was registered.
        let result = self.check().and_then(|()| go());
        locked(&self.0.running).retain(|other| !Arc::ptr_eq(other, run));
        self.check().and(result)
    }
}

impl Host {
    fn wants_to_end(&self) -> bool {
        if thread::current().id() != self.thread {
            return false;
        }
        let (mut next, now) = (locked(&self.next), Instant::now());
        if now < *next {
            return false;
        }
        *next = now + POLL_INTERVAL;
        (self.poll)()
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.reason()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Cancellable for Flag {
        fn end(&self, end: bool) {
            self.0.store(end, Ordering::Relaxed);
        }
    }

    fn sentence(result: Result<()>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn cancel_ends_a_running_evaluation_and_refuses_later_ones() {
        let (cancel, flag) = (Cancel::default(), Arc::new(Flag::default()));
        let run: Arc<dyn Cancellable> = flag.clone();
        assert!(!cancel.during(&run, || Ok(flag.0.load(Ordering::Relaxed))).unwrap());
        let ended = cancel.during(&run, || {
            thread::scope(|scope| scope.spawn(|| cancel.clone().cancel(CancelReason::Gone)).join().unwrap());
            assert!(flag.0.load(Ordering::Relaxed));
            Ok(())
        });
        let expected = "the evaluation was cancelled: its client has left";
        assert_eq!(sentence(ended), expected);
        cancel.cancel(CancelReason::Time);
        assert_eq!(sentence(cancel.during(&run, || panic!("it began"))), expected);
        let other = Cancel::default();
        assert!(!other.during(&run, || Ok(flag.0.load(Ordering::Relaxed))).unwrap());
    }

    #[test]
    fn host_is_polled_in_its_own_thread_and_not_too_often() {
        let asked = Arc::new(AtomicBool::new(false));
        let cancel = Cancel::polling({
            let asked = Arc::clone(&asked);
            move || asked.swap(true, Ordering::Relaxed)
        });
        assert!(cancel.check().is_ok() && !asked.load(Ordering::Relaxed));
        thread::sleep(POLL_INTERVAL);
        thread::scope(|scope| scope.spawn(|| assert!(cancel.check().is_ok())).join().unwrap());
        assert!(!asked.load(Ordering::Relaxed));
        assert!(cancel.check().is_ok() && asked.load(Ordering::Relaxed));
        assert!(cancel.check().is_ok());
        thread::sleep(POLL_INTERVAL);
        let expected = "the evaluation was cancelled: the calling program asked for it";
        assert_eq!(sentence(cancel.check()), expected);
    }
}
