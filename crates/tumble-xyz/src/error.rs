//! What can go wrong with a file of structures.

use std::path::PathBuf;

pub use crate::line_error::LineError;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// A file could not be read.
        ///
        /// Cause: The file is not there, or may not be read; the system's reason is the end of the sentence.
        ///
        /// Cure: Give the right path, seen from the folder that the program was started in, and check the permissions.
        #[error("cannot read {}: {source}", path.display())]
        Read {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A line of an XYZ file that cannot be read.
        ///
        /// Cause: The line breaks the rules of the format; what follows the colon says which.
        ///
        /// Cure: Mend the line, by what is said of XYZ files below.
        #[error("line {line} of {}: {source}", file.display())]
        Xyz {
            /// The file.
            file: PathBuf,
            /// Number of the line (from 1).
            line: usize,
            /// What is wrong with it.
            source: LineError,
        },

        /// A file of another format, where structures are read.
        ///
        /// Cause: Structures are read from XYZ files only, or model and structures were given in the wrong order.
        ///
        /// Cure: Convert the file as the sentence says (`ase` comes with `pip install ase`), or swap the two.
        #[error("{} seems to be {format}, and structures are read from XYZ files: {remedy}", path.display())]
        NotXyz {
            /// The file.
            path: PathBuf,
            /// The format, with its article.
            format: &'static str,
            /// What to do.
            remedy: String,
        },

        /// An XYZ file without frames.
        ///
        /// Cause: The file, or the standard input, is empty.
        ///
        /// Cure: Look at what should have written it.
        #[error(
            "{} holds no structure, the file is empty: give at least one XYZ frame (a line with the number of atoms, a \
             comment line, one line per atom)", file.display()
        )]
        NoFrames {
            /// The file.
            file: PathBuf,
        },
    }
}
