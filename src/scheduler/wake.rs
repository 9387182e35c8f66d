//! How a loop that waits for sockets is asked to end: by a program, or by Ctrl-C and termination.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Whether the loop was asked to end.
#[derive(Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    stream: UnixStream,
    writer: UnixStream,
}

impl Interrupt {
    /// One that a program uses itself.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Arc<Self>> {
        let (stream, writer) = UnixStream::pair()?;
        Ok(Arc::new(Self { asked: Arc::default(), stream, writer }))
    }

    /// One that SIGINT and SIGTERM set off, from now on and for as long as the process lives: the first asks to end, the
    /// second ends at once.
    ///
    /// # Errors
    /// Those of the system.
    pub fn by_signals() -> io::Result<Arc<Self>> {
        let interrupt = Self::new()?;
        for signal in [SIGINT, SIGTERM] {
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

    /// Whether it was asked to end.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}
