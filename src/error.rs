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

    /// A cutoff or skin that is no length.
    #[error(
        "the cutoff is {cutoff} Å and the skin {skin} Å: give a positive cutoff and a skin that is not negative, both \
         finite"
    )]
    Cutoff {
        /// The cutoff, Å.
        cutoff: f64,
        /// The skin, Å.
        skin: f64,
    },

    /// Two atoms, or images of them, in one place.
    #[error(
        "atoms {first} and {second} coincide (distance {distance:.1e} Å, cell shifts included): remove one of them, or \
         check whether the dynamics has exploded"
    )]
    Coincide {
        /// Index of one atom (from 1).
        first: usize,
        /// Index of the other (from 1).
        second: usize,
        /// Their distance, Å.
        distance: f64,
    },

    /// An atom so far outside the periodic cell that its position has lost its digits.
    #[error(
        "atom {atom} is {cells:.1e} cells away from the origin, too far for its position to be exact: wrap it into the \
         cell, or check whether the dynamics has exploded"
    )]
    Astray {
        /// Index of the atom (from 1).
        atom: usize,
        /// Cells between it and the origin along one cell vector.
        cells: f64,
    },

    /// A kind of forces that the model does not give.
    #[error("the model \"{model}\" offers no {wanted} forces: ask for {offered} ones")]
    ForcesNotOffered {
        /// Name of the model.
        model: String,
        /// What was asked of it.
        wanted: &'static str,
        /// What it has.
        offered: &'static str,
    },

    /// A text that names no mitigation.
    #[error("the mitigation \"{spec}\" {problem}: give {}", crate::quadrature::GRAMMAR)]
    Mitigation {
        /// The text.
        spec: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },

    /// A grid of rotations that does not exist.
    #[error("there is no {family} grid of order {order}: give {expected}, as in {family}:{example}")]
    GridOrder {
        /// The kind of grid.
        family: &'static str,
        /// The order asked for.
        order: usize,
        /// The orders that there are.
        expected: String,
        /// One of them.
        example: usize,
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

    /// A keyword of the pair style with a value that it does not know.
    #[error("keyword {keyword} has the value {found}: expected {expected}")]
    KeywordValue {
        /// The keyword.
        keyword: &'static str,
        /// What was given.
        found: String,
        /// What can be given.
        expected: &'static str,
    },

    /// Ghost atoms do not reach as far as the model sees.
    #[error(
        "the neighbors of ghost atom {tag} are not known on this rank, but the model sees {hops} hops of {cutoff} Å: \
         ghosts must reach {reach} Å beyond each rank's share of the box, so use fewer MPI ranks, a thicker box, or \
         comm_style brick"
    )]
    GhostsTooThin {
        /// Tag of the atom.
        tag: i32,
        /// hops × cutoff, Å.
        reach: f64,
        /// Cutoff of the model, Å.
        cutoff: f64,
        /// Hops of the model.
        hops: usize,
    },

    /// A panic that was caught at the border to C++.
    #[error("internal error of tumble: {text}: please report it with the input that led to it")]
    Internal {
        /// What the panic said.
        text: String,
    },
}
