//! The one public error: every sentence that a user can be shown.
//!
//! Sentences are lower case and say what, where, what was found, what was expected, and what to change.

use std::path::PathBuf;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as one sentence that tells the user what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A file could not be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// Positions and species of a structure differ in number.
    #[error("the structure has {positions} positions but {species} species: give one of each per atom")]
    AtomCount {
        /// Number of positions.
        positions: usize,
        /// Number of atomic numbers.
        species: usize,
    },

    /// A coordinate or a cell vector is NaN or infinite.
    #[error("{what} of atom {atom} is not finite ({value}): check the structure, or whether the dynamics has exploded")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// Index of the atom (from 1).
        atom: usize,
        /// The value.
        value: f64,
    },

    /// A periodic cell without volume.
    #[error("the cell is periodic along {axis} but its volume is {volume} Å^3: give three independent cell vectors")]
    FlatCell {
        /// The first periodic axis, as a letter.
        axis: char,
        /// Volume of the cell, Å^3.
        volume: f64,
    },

    /// An element that the model was not trained on.
    #[error("the model \"{model}\" does not know element {element}: it knows {known}")]
    UnknownElement {
        /// Name of the model.
        model: String,
        /// Symbol or number of the element.
        element: String,
        /// Symbols of the elements that it knows.
        known: String,
    },

    /// A line of an XYZ file that cannot be read.
    #[error("line {line} of {}: {problem}", file.display())]
    Xyz {
        /// The file.
        file: PathBuf,
        /// Number of the line (from 1).
        line: usize,
        /// What is wrong with it.
        problem: crate::xyz::Problem,
    },

    /// An XYZ file without frames.
    #[error(
        "{} holds no structure, the file is empty: give at least one XYZ frame (a line with the number of atoms, a \
         comment line, one line per atom)", file.display()
    )]
    NoFrames {
        /// The file.
        file: PathBuf,
    },

    /// A frame of an XYZ file that cannot be evaluated.
    #[error("frame {frame} of {}: {cause}", file.display())]
    Frame {
        /// The file.
        file: PathBuf,
        /// Number of the frame (from 1).
        frame: usize,
        /// What went wrong there.
        cause: Box<Error>,
    },

    /// An output that would destroy the input.
    #[error("the output {} is the input itself: give another file to write to", path.display())]
    Overwrite {
        /// The file.
        path: PathBuf,
    },
}
