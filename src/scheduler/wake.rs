//! Ctrl-C and termination: the first asks to end, the second ends at once.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Whether the process was asked to end.
#[derive(Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    stream: UnixStream,
}

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on, for as long as the process lives.
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen() -> io::Result<&'static Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let (stream, writer) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // In this order: the flag is still down when the first signal looks at it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Box::leak(Box::new(Self { asked, stream })))
    }

    /// Whether a signal has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}
