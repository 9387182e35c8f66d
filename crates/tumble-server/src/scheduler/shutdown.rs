//! Shutdown of an event loop: by the program, by a signal, or at the end of its time.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};
use tumble_core::cancel::{Cancel, CancelReason};

/// The request to shut down; it wakes the event loop.
#[derive(Debug)]
pub struct Shutdown {
    asked: Arc<AtomicBool>,
    late: AtomicBool,
    stream: UnixStream,
    writer: UnixStream,
}

impl Shutdown {
    /// A shutdown that only the program requests.
    ///
    /// # Errors
    /// System errors.
    pub fn new() -> io::Result<Arc<Self>> {
        let (stream, writer) = UnixStream::pair()?;
        Ok(Arc::new(Self { asked: Arc::default(), late: AtomicBool::new(false), stream, writer }))
    }

    /// A shutdown that SIGINT, SIGTERM and SIGHUP request, for as long as the process lives: the first signal requests
    /// it, the second ends the process at once. An ignored SIGHUP, as under nohup, stays ignored.
    ///
    /// # Errors
    /// System errors.
    pub fn by_signals() -> io::Result<Arc<Self>> {
        let shutdown = Self::new()?;
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !ignores_hangup()) {
            // The order matters: the flag is still unset when the first signal reads it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&shutdown.asked))?;
            flag::register(signal, Arc::clone(&shutdown.asked))?;
            pipe::register(signal, shutdown.writer.try_clone()?)?;
        }
        Ok(shutdown)
    }

    /// Requests the shutdown.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        // If the pipe is full, earlier bytes wake the loop just as well.
        let _ = (&self.writer).write(&[0]);
    }

    /// Requests the shutdown after `limit`.
    pub fn after(self: &Arc<Self>, limit: Duration) {
        let shutdown = Arc::clone(self);
        thread::spawn(move || {
            thread::sleep(limit);
            shutdown.late.store(true, Ordering::Relaxed);
            shutdown.ask();
        });
    }

    /// Passes the request on to `cancel`; for programs without an event loop.
    pub fn ends(self: &Arc<Self>, cancel: &Cancel) {
        let (shutdown, cancel) = (Arc::clone(self), cancel.clone());
        thread::spawn(move || {
            while (&shutdown.stream).read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::Interrupted) {}
            cancel.cancel(if shutdown.late() { CancelReason::Time } else { CancelReason::Signal });
        });
    }

    /// Whether the time limit requested it.
    pub fn late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Whether it was requested.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

fn ignores_hangup() -> bool {
    // SAFETY: without a new action the call only writes the present one, plain data, to the given address.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(SIGHUP, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
