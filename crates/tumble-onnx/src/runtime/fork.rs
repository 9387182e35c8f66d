//! Processes that fork. The child has all memory of its parent, but of its threads the one that forked: what others
//! held locked stays locked there, and threads of ONNX Runtime are waited for in vain. So a child opens sessions of its
//! own and leaves alone what it has of its parent.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::process;
use std::sync::{Mutex, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ort::session::Session;

/// Held while ONNX Runtime is loaded or a session opened, which a fork waits for: what these lock is free in the child.
static OPENING: RwLock<()> = RwLock::new(());

thread_local! {
    /// What the thread that forks holds meanwhile, in the parent and in the child.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Has forks wait from now on until what is returned is dropped. Not to be asked for twice by one thread.
pub(crate) fn opening() -> RwLockReadGuard<'static, ()> {
    static WATCHED: Once = Once::new();
    // SAFETY: the functions are there as long as this library is, and touch nothing but a lock and a thread's variable.
    WATCHED.call_once(|| unsafe {
        // It fails for want of memory only; then a fork at the wrong moment leaves a lock behind.
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

/// A session in the process that opened it.
pub struct ForkSafeSession {
    session: ManuallyDrop<Mutex<Session>>,
    process: u32,
}

impl ForkSafeSession {
    /// A session that this process has opened.
    pub fn new(session: Session) -> Self {
        Self { session: ManuallyDrop::new(Mutex::new(session)), process: process::id() }
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
        // A child would wait for the threads of the session for ever.
        if self.process == process::id() {
            // SAFETY: nobody has it any more.
            unsafe { ManuallyDrop::drop(&mut self.session) };
        }
    }
}
