//! The errors of a file of structures.

use std::path::PathBuf;

pub use crate::line_error::LineError;

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error, displayed as one sentence with its remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or the evaluation of a model.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// A file could not be read.
        ///
        /// Cause: The file does not exist or you may not read it; the sentence ends with the system's reason.
        ///
        /// Cure: Give the right path, relative to the folder in which you start the program, and check the permissions.
        #[error("cannot read {}: {source}", path.display())]
        Read {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// An invalid line of an XYZ file.
        ///
        /// Cause: The line breaks a rule of the format; the reason follows the colon.
        ///
        /// Cure: Correct the line; the rules of XYZ files are below.
        #[error("line {line} of {}: {source}", file.display())]
        Xyz {
            /// The file.
            file: PathBuf,
            /// Number of the line (from 1).
            line: usize,
            /// The error of the line.
            source: LineError,
        },

        /// A file of another format in place of an XYZ file.
        ///
        /// Cause: Structures are read from XYZ files only, or model and structures are in the wrong order.
        ///
        /// Cure: Convert the file with the command of the sentence (`pip install ase` installs `ase`), or swap the two.
        #[error("{} seems to be {format}, and structures are read from XYZ files: {remedy}", path.display())]
        NotXyz {
            /// The file.
            path: PathBuf,
            /// The format, with its article.
            format: &'static str,
            /// The remedy.
            remedy: String,
        },

        /// An XYZ file without frames.
        ///
        /// Cause: The file, or the standard input, is empty.
        ///
        /// Cure: Check the program that should have written it.
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
