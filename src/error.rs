//! What can go wrong in a program: everything of the crates below, and what the command line refuses by itself.

use std::path::PathBuf;

/// Result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
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

        /// A file could not be written.
        ///
        /// Cause: The folder is not there or may not be written to, or the disk is full.
        ///
        /// Cure: Give a path in a folder that can be written to; for statistics that is `--stats`.
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
            /// What went wrong there.
            source: Box<Error>,
        },

        /// No structures, and a model for which none can be made.
        ///
        /// Cause: `tumble check` and `tumble bench` make structures of water where none are given, and this model knows
        /// no water.
        ///
        /// Cure: Give a file with a few snapshots of what will be simulated.
        #[error(
            "the model \"{model}\" knows {known}, but the structures made here are of H and O: give a file of \
             structures after the model"
        )]
        NoStructures {
            /// Name of the model.
            model: String,
            /// Symbols of the elements that it knows.
            known: String,
        },

        /// An output that would destroy the input.
        ///
        /// Cause: `-o` names the file that is read.
        ///
        /// Cure: Write to another file.
        #[error("the output {} is the input itself: give another file to write to", path.display())]
        Overwrite {
            /// The file.
            path: PathBuf,
        },

        /// A door that stands open to other machines.
        ///
        /// Cause: `tumble serve` was to listen on the network without a token.
        ///
        /// Cure: Do one of the three things that the sentence names; docs/server.md#security weighs them.
        #[error(
            "{address} can be reached from other machines: give a token (TUMBLE_TOKEN), listen on unix:PATH or \
             tcp:localhost:PORT, or say --open if everybody may use it"
        )]
        OpenDoor {
            /// The place.
            address: String,
        },

        /// A token that other machines could guess.
        ///
        /// Cause: `tumble serve` was to listen on the network with a token of a few characters.
        ///
        /// Cure: Make a token of random characters, as with `openssl rand -hex 16`, and give it to the simulations too.
        #[error(
            "the token has {found} characters, and {address} can be reached from other machines, where it would be \
             guessed: give at least {shortest} random ones, as `openssl rand -hex 16` makes them"
        )]
        ShortToken {
            /// Its characters.
            found: usize,
            /// The place.
            address: String,
            /// How many it should have.
            shortest: usize,
        },

        /// Signals that cannot be listened to.
        ///
        /// Cause: The process may not open more files.
        ///
        /// Cure: Raise the limit (`ulimit -n`), or end what holds so many.
        #[error("cannot listen to the signals of the system: {source}")]
        Signals {
            /// The system's reason.
            source: std::io::Error,
        },
    }
}

impl Error {
    /// Whether an option or argument makes no sense, whatever the files and the machine are like: command lines end
    /// with code 2 then, as for options that cannot be parsed, and with code 1 for everything else.
    pub fn is_usage(&self) -> bool {
        use tumble_ipi::Error::Address;
        match self {
            Self::OpenDoor { .. } | Self::ShortToken { .. } | Self::Overwrite { .. } => true,
            Self::Ipi(Address { .. }) | Self::Server(tumble_server::Error::Ipi(Address { .. })) => true,
            _ => self.core().is_some_and(tumble_core::Error::is_usage),
        }
    }

    /// Whether it is one for want of time.
    pub fn is_late(&self) -> bool {
        match self {
            Self::Frame { source, .. } => source.is_late(),
            _ => self.core().is_some_and(tumble_core::Error::is_late),
        }
    }

    /// Whether somebody asked for the end, so that nothing is wrong.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Check(tumble_check::Error::Interrupted))
            || matches!(self.core(), Some(tumble_core::Error::Cancelled { .. }))
    }

    /// The error of structures, settings or an evaluation that it passes on, if it is one.
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
