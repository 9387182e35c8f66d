//! The error type of the program: the errors of the crates below, and those of the command line itself.

use std::path::PathBuf;

mod lammps;

pub use lammps::LammpsError;

/// Result with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error, displayed as one sentence with its remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// An error of a file of structures.
        #[error(transparent)]
        Xyz(#[from] tumble_xyz::Error),

        /// An error of a model file or of ONNX Runtime.
        #[error(transparent)]
        Onnx(#[from] tumble_onnx::Error),

        /// An error of a connection.
        #[error(transparent)]
        Ipi(#[from] tumble_ipi::Error),

        /// An error of the event loop.
        #[error(transparent)]
        Server(#[from] tumble_server::Error),

        /// An error of a measurement.
        #[error(transparent)]
        Check(#[from] tumble_check::Error),

        /// A LAMMPS with which no plugin can be built.
        #[error(transparent)]
        Lammps(#[from] LammpsError),

        /// A file could not be written.
        ///
        /// Cause: The folder is missing or not writable, or the disk is full.
        ///
        /// Cure: Give a path in a writable folder (`--stats` for the statistics).
        #[error("cannot write {}: {source}", path.display())]
        Write {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A frame of an XYZ file that cannot be evaluated.
        ///
        /// Cause: This frame can be read but not evaluated, for the reason after the colon.
        ///
        /// Cure: Look up that reason on this page.
        #[error("frame {frame} of {}: {source}", file.display())]
        Frame {
            /// The file.
            file: PathBuf,
            /// Number of the frame (from 1).
            frame: usize,
            /// The error in this frame.
            source: Box<Error>,
        },

        /// No structures are given, and the built-in water does not suit the model.
        ///
        /// Cause: Without a file of structures, `tumble check` and `tumble bench` use water, but this model does not
        /// cover H and O.
        ///
        /// Cure: Give a file with a few snapshots of the system that you will simulate.
        #[error(
            "the model \"{model}\" knows {known}, but the structures made here are of H and O: give a file of \
             structures after the model"
        )]
        NoStructures {
            /// Name of the model.
            model: String,
            /// Symbols of its elements.
            known: String,
        },

        /// An output that would overwrite the input.
        ///
        /// Cause: `-o` names the input file.
        ///
        /// Cure: Write to another file.
        #[error("the output {} is the input itself: give another file to write to", path.display())]
        Overwrite {
            /// The file.
            path: PathBuf,
        },

        /// A part of an input that can be read only once.
        ///
        /// Cause: `--part` counts the frames before it reads its own, and a pipe does not tell how many will come.
        ///
        /// Cure: Write the frames to a file and give its path instead of `-`.
        #[error(
            "part {part} of {} cannot be found, since only the frames of a regular file can be counted in advance: \
             write the frames to a file and give its path", file.display()
        )]
        PartOfStream {
            /// The part, as given.
            part: String,
            /// Name of the input.
            file: PathBuf,
        },

        /// A server open to other machines without authentication.
        ///
        /// Cause: `tumble serve` was told to listen on the network without a token.
        ///
        /// Cure: Choose one of the three remedies; docs/server.md#security compares them.
        #[error(
            "{address} can be reached from other machines: give a token (TUMBLE_TOKEN), listen on unix:PATH or \
             tcp:localhost:PORT, or say --open if everybody may use it"
        )]
        OpenServer {
            /// The listening address.
            address: String,
        },

        /// A token that other machines could guess.
        ///
        /// Cause: `tumble serve` was told to listen on the network with a token of a few characters.
        ///
        /// Cure: Make a token of random characters, as with `openssl rand -hex 16`, and give it to the simulations too.
        #[error(
            "the token has {found} characters, and {address} can be reached from other machines, where it would be \
             guessed: give at least {shortest} random ones, as `openssl rand -hex 16` makes them"
        )]
        ShortToken {
            /// Number of its characters.
            found: usize,
            /// The listening address.
            address: String,
            /// The smallest accepted number of characters.
            shortest: usize,
        },

        /// A signal handler could not be installed.
        ///
        /// Cause: The process may not open more files.
        ///
        /// Cure: Raise the limit of open files (`ulimit -n`), or close other files and connections.
        #[error("cannot install the handler of signals: {source}")]
        Signals {
            /// The system's reason.
            source: std::io::Error,
        },
    }
}

impl Error {
    /// Whether this is a mistake in an option or argument, independent of the files and the machine. Command lines then
    /// end with code 2, as for options that cannot be parsed, and with code 1 for every other error.
    pub fn is_usage(&self) -> bool {
        use tumble_ipi::Error::Address;
        match self {
            Self::OpenServer { .. } | Self::ShortToken { .. } | Self::Overwrite { .. } | Self::PartOfStream { .. } => {
                true
            }
            Self::Ipi(Address { .. }) | Self::Server(tumble_server::Error::Ipi(Address { .. })) => true,
            _ => self.core().is_some_and(tumble_core::Error::is_usage),
        }
    }

    /// Whether a time limit ended the evaluation.
    pub fn is_late(&self) -> bool {
        match self {
            Self::Frame { source, .. } => source.is_late(),
            _ => self.core().is_some_and(tumble_core::Error::is_late),
        }
    }

    /// Whether a signal ended the evaluation.
    pub fn is_signal(&self) -> bool {
        match self {
            Self::Frame { source, .. } => source.is_signal(),
            _ => self.core().is_some_and(tumble_core::Error::is_signal),
        }
    }

    /// Whether this is a requested interruption and no failure.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Check(tumble_check::Error::Interrupted))
            || matches!(self.core(), Some(tumble_core::Error::Cancelled { .. }))
    }

    /// Returns the wrapped error of `tumble_core`, if there is one.
    fn core(&self) -> Option<&tumble_core::Error> {
        match self {
            Self::Core(error)
            | Self::Xyz(tumble_xyz::Error::Core(error))
            | Self::Onnx(tumble_onnx::Error::Core(error))
            | Self::Ipi(tumble_ipi::Error::Core(error))
            | Self::Check(tumble_check::Error::Core(error))
            | Self::Server(tumble_server::Error::Core(error))
            | Self::Server(tumble_server::Error::Ipi(tumble_ipi::Error::Core(error))) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
