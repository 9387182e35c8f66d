//! How a loop that waits for sockets is asked to end: by a program, by a signal, or when its time is up.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};
use tumble_core::cancel::{Cancel, Reason};

/// Whether the loop was asked to end.
#[derive(Debug)]
pub struct Shutdown {
    asked: Arc<AtomicBool>,
    late: AtomicBool,
    stream: UnixStream,
    writer: UnixStream,
}

impl Shutdown {
    /// One that a program uses itself.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Arc<Self>> {
        let (stream, writer) = UnixStream::pair()?;
        Ok(Arc::new(Self { asked: Arc::default(), late: AtomicBool::new(false), stream, writer }))
    }

    /// One that SIGINT, SIGTERM and SIGHUP set off, from now on and for as long as the process lives: the first asks to end,
    /// the second ends at once. A SIGHUP that is ignored, as under nohup, stays ignored.
    ///
    /// # Errors
    /// Those of the system.
    pub fn by_signals() -> io::Result<Arc<Self>> {
        let interrupt = Self::new()?;
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !ignores_hangup()) {
            // In this order: the flag is still down when the first signal looks at it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupt.asked))?;
            flag::register(signal, Arc::clone(&interrupt.asked))?;
            pipe::register(signal, interrupt.writer.try_clone()?)?;
        }
        Ok(interrupt)
    }

    /// Asks to end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        // One byte fits, unless others wait there that wake just as well.
        let _ = (&self.writer).write(&[0]);
    }

    /// Asks to end after so long.
    pub fn after(self: &Arc<Self>, limit: Duration) {
        let interrupt = Arc::clone(self);
        thread::spawn(move || {
            thread::sleep(limit);
            interrupt.late.store(true, Ordering::Relaxed);
            interrupt.ask();
        });
    }

    /// Has it end evaluations that watch this, where nothing else waits for it.
    pub fn ends(self: &Arc<Self>, cancel: &Cancel) {
        let (interrupt, cancel) = (Arc::clone(self), cancel.clone());
        thread::spawn(move || {
            while (&interrupt.stream).read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::Interrupted) {}
            cancel.cancel(if interrupt.late() { Reason::Time } else { Reason::Signal });
        });
    }

    /// Whether its time was up.
    pub fn late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Whether it was asked to end.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

fn ignores_hangup() -> bool {
    // SAFETY: with no new action the call only writes the present one, which is plain data, to where it is told.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(SIGHUP, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
