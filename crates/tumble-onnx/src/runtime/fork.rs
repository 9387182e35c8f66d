//! Support for processes that fork.
//!
//! A child has a copy of its parent's memory, but only the thread that forked. Locks held by other threads stay locked
//! in the child, and waiting for ONNX Runtime's threads would never end. So a child opens sessions of its own and
//! leaves its parent's alone.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::process;
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ort::session::Session;

use crate::file::initializers::Initializers;

/// Held while ONNX Runtime is loaded or a session opened. A fork waits for it, so that no lock of theirs is held in the
/// child.
static OPENING: RwLock<()> = RwLock::new(());

thread_local! {
    /// The guard held by the forking thread during the fork, in the parent and in the child.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Delays forks until the returned guard is dropped. A thread must not hold two guards.
pub(crate) fn opening() -> RwLockReadGuard<'static, ()> {
    static WATCHED: Once = Once::new();
    // SAFETY: the handlers live as long as this library, and use a lock and a thread-local variable only.
    WATCHED.call_once(|| unsafe {
        // It fails only without memory; then a fork at the wrong moment may leave a lock held.
        libc::pthread_atfork(Some(before), Some(after), Some(after));
    });
    OPENING.read().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn before() {
    let guard = OPENING.write().unwrap_or_else(PoisonError::into_inner);
    let _ = FORKING.try_with(|forking| forking.replace(Some(guard)));
}

extern "C" fn after() {
    let _ = FORKING.try_with(RefCell::take);
}

/// A session that is dropped only by the process that opened it.
pub struct ForkSafeSession {
    session: ManuallyDrop<Mutex<Session>>,
    /// The session reads them.
    _weights: Arc<Initializers>,
    process: u32,
}

impl ForkSafeSession {
    /// Wraps a session opened by this process with these weights.
    pub fn new(session: Session, weights: Arc<Initializers>) -> Self {
        Self { session: ManuallyDrop::new(Mutex::new(session)), _weights: weights, process: process::id() }
    }
}

impl Deref for ForkSafeSession {
    type Target = Mutex<Session>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl Drop for ForkSafeSession {
    fn drop(&mut self) {
        // A child would wait forever for the threads of the session.
        if self.process == process::id() {
            // SAFETY: `self` is being dropped, so this is the last use.
            unsafe { ManuallyDrop::drop(&mut self.session) };
        }
    }
}
