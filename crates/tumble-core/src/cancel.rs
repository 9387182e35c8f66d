//! Asking an evaluation to end before its end: nobody waits for it any more, a signal came, or its time is up.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

pub use crate::cancel_reason::CancelReason;
use crate::error::{Error, Result};
use crate::parallel::locked;

/// Time between two questions to the program around, which may have to wait for a lock of its own to answer.
const QUESTION: Duration = Duration::from_millis(100);

/// A run that can be ended from another thread.
pub trait Run: Send + Sync {
    /// Lets it end as soon as it can, or clears that before it begins.
    fn end(&self, end: bool);
}

/// Asks evaluations that watch it to end: between two runs of the model, and in the middle of one. Copies ask for the
/// same. What was asked once stays asked.
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    /// 0, or a [`CancelReason`].
    reason: AtomicU8,
    running: Mutex<Vec<Arc<dyn Run>>>,
    host: Option<Host>,
}

/// The program around, which is asked in its own thread.
struct Host {
    thread: ThreadId,
    asks: Box<dyn Fn() -> bool + Send + Sync>,
    next: Mutex<Instant>,
}

impl Cancel {
    /// One that also asks `asks`, about ten times a second, in the thread that calls this here, whether to end.
    pub fn asking(asks: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let (thread, next) = (thread::current().id(), Mutex::new(Instant::now() + QUESTION));
        Self(Arc::new(State { host: Some(Host { thread, asks: Box::new(asks), next }), ..State::default() }))
    }

    /// Asks to end. Only the first reason counts.
    pub fn ask(&self, reason: CancelReason) {
        // Under the lock, so that no run begins after the last one was told.
        let running = locked(&self.0.running);
        let _ = self.0.reason.compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
        running.iter().for_each(|run| run.end(true));
    }

    /// Why it is to end, if it is.
    pub fn asked(&self) -> Option<CancelReason> {
        use CancelReason::{Gone, Program, Signal, Time};
        let reason = self.0.reason.load(Ordering::Relaxed);
        [Gone, Signal, Time, Program].into_iter().find(|known| *known as u8 == reason)
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.0.host.as_ref().is_some_and(Host::asks_to_end) {
            self.ask(CancelReason::Program);
        }
        self.asked().map_or(Ok(()), |reason| Err(Error::Cancelled { reason }))
    }

    /// Does a run that ends early if that is asked meanwhile; what it then gives is not looked at.
    pub fn during<T>(&self, run: &Arc<dyn Run>, go: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        run.end(false);
        locked(&self.0.running).push(Arc::clone(run));
        // It may have been asked before the lock was there to be had.
        let result = self.check().and_then(|()| go());
        locked(&self.0.running).retain(|other| !Arc::ptr_eq(other, run));
        self.check().and(result)
    }
}

impl Host {
    fn asks_to_end(&self) -> bool {
        if thread::current().id() != self.thread {
            return false;
        }
        let (mut next, now) = (locked(&self.next), Instant::now());
        if now < *next {
            return false;
        }
        *next = now + QUESTION;
        (self.asks)()
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.asked()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Run for Flag {
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
        let run: Arc<dyn Run> = flag.clone();
        assert!(!cancel.during(&run, || Ok(flag.0.load(Ordering::Relaxed))).unwrap());
        let ended = cancel.during(&run, || {
            thread::scope(|scope| scope.spawn(|| cancel.clone().ask(CancelReason::Gone)).join().unwrap());
            assert!(flag.0.load(Ordering::Relaxed));
            Ok(())
        });
        let expected = "the evaluation was cancelled: its client has left";
        assert_eq!(sentence(ended), expected);
        cancel.ask(CancelReason::Time);
        assert_eq!(sentence(cancel.during(&run, || panic!("it began"))), expected);
        let other = Cancel::default();
        assert!(!other.during(&run, || Ok(flag.0.load(Ordering::Relaxed))).unwrap());
    }

    #[test]
    fn the_program_around_is_asked_in_its_own_thread_and_not_too_often() {
        let asked = Arc::new(AtomicBool::new(false));
        let cancel = Cancel::asking({
            let asked = Arc::clone(&asked);
            move || asked.swap(true, Ordering::Relaxed)
        });
        assert!(cancel.check().is_ok() && !asked.load(Ordering::Relaxed));
        thread::sleep(QUESTION);
        thread::scope(|scope| scope.spawn(|| assert!(cancel.check().is_ok())).join().unwrap());
        assert!(!asked.load(Ordering::Relaxed));
        assert!(cancel.check().is_ok() && asked.load(Ordering::Relaxed));
        assert!(cancel.check().is_ok());
        thread::sleep(QUESTION);
        let expected = "the evaluation was cancelled: the calling program asked for it";
        assert_eq!(sentence(cancel.check()), expected);
    }
}
