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

    /// A periodic cell of which too many fit into the cutoff.
    #[error(
        "an atom would see {images:.0} images of the cell within {radius:.3} Å: check the cell, and whether its unit is Å"
    )]
    TinyCell {
        /// Images of the cell.
        images: f64,
        /// Cutoff and skin, Å.
        radius: f64,
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

    /// An argument of a call that makes no sense.
    #[error("the argument {name} {problem}")]
    Argument {
        /// Its name.
        name: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },

    /// Asked to end before the end.
    #[error("interrupted")]
    Interrupted,

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
        offered: String,
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

    /// No structures, and a model for which none can be made.
    #[error(
        "the model \"{model}\" knows {known}, but the structures made here are of H and O: give a file of structures \
         after the model"
    )]
    NoStructures {
        /// Name of the model.
        model: String,
        /// Symbols of the elements that it knows.
        known: String,
    },

    /// An output that would destroy the input.
    #[error("the output {} is the input itself: give another file to write to", path.display())]
    Overwrite {
        /// The file.
        path: PathBuf,
    },

    /// A text that names no socket.
    #[error("the address \"{address}\" {problem}")]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: &'static str,
    },

    /// A server that cannot be reached.
    #[error("cannot connect to {address}: {cause}: is the server running there?")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A place to listen that cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The place.
        address: String,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A door that stands open to other machines.
    #[error(
        "{address} can be reached from other machines: give a token (TUMBLE_TOKEN), listen on unix:PATH or \
         tcp:localhost:PORT, or say --open if everybody may use it"
    )]
    OpenDoor {
        /// The place.
        address: String,
    },

    /// Signals that cannot be listened to.
    #[error("cannot listen to the signals of the system: {cause}")]
    Signals {
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A connection that broke.
    #[error("the connection to {peer} broke: {cause}")]
    Connection {
        /// The other side.
        peer: String,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A peer that does not keep to the protocol.
    #[error("{peer} {fault}")]
    Peer {
        /// The other side.
        peer: String,
        /// What is wrong, as the rest of a sentence.
        fault: String,
    },

    /// A request that was refused, with the reason that its sender was told.
    #[error("a request of {peer} was refused: {sentence}")]
    Unanswered {
        /// The other side.
        peer: String,
        /// Why, as a sentence or, for a breach of protocol, the rest of one.
        sentence: String,
    },

    /// A force server that refuses, in its own words.
    #[error("the force server refused: {sentence}")]
    Refused {
        /// What it said.
        sentence: String,
    },

    /// A unit style of LAMMPS without a scale.
    #[error(
        "units {style} have no scale in eV and Å: use units metal, real, electron, si, cgs, micro or nano with this model"
    )]
    UnitStyle {
        /// Its name.
        style: String,
    },

    /// Per-atom virials of forces that are no derivatives.
    #[error(
        "per-atom virials are made of the gradients of the energy, which direct forces lack: use conservative forces (and \
         inner ones), or remove compute stress/atom, centroid/stress/atom and heat/flux"
    )]
    NoAtomicVirials,

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

    /// A structure that needs more memory than allowed, and a model that cannot take it in parts.
    #[error(
        "memory is limited to {} MB, but model \"{model}\" takes {} MB for the structure, and its energy is one of the \
         whole, which cannot be found in parts: give at least as much", given >> 20, needed.div_ceil(1 << 20)
    )]
    WholeTooLarge {
        /// Name of the model.
        model: String,
        /// The limit, bytes.
        given: usize,
        /// Needed for one replica, bytes.
        needed: usize,
    },

    /// A limit on memory that no cutting of the structure can meet.
    #[error(
        "memory is limited to {} MB, but the model takes {} MB even for a small part of the structure: give at least as \
         much", given >> 20, needed.div_ceil(1 << 20)
    )]
    MemoryTooSmall {
        /// The limit, bytes.
        given: usize,
        /// What one block takes, bytes.
        needed: usize,
    },

    /// A panic that was caught at the border to C++.
    #[error("internal error of tumble: {text}: please report it with the input that led to it")]
    Internal {
        /// What the panic said.
        text: String,
    },

    /// ONNX Runtime is nowhere to be found.
    #[error(
        "ONNX Runtime was not found in any of: {tried}: install it with `pip install onnxruntime`, or set \
         ORT_DYLIB_PATH to the library or its folder"
    )]
    RuntimeMissing {
        /// Every place that was tried, in order.
        tried: String,
    },

    /// The place that the user named holds no ONNX Runtime.
    #[error(
        "{origin} names {}, but there is no ONNX Runtime library there: give the file libonnxruntime.so.* or the \
         folder that holds it",
        path.display()
    )]
    RuntimeNotThere {
        /// What named the place.
        origin: &'static str,
        /// The place.
        path: PathBuf,
    },

    /// ONNX Runtime is older than the interface that this program was built for.
    #[error(
        "the ONNX Runtime at {} is version {found}, but 1.{minor} or later is needed: install a newer one with \
         `pip install -U onnxruntime`",
        path.display()
    )]
    RuntimeTooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
        /// Minor version needed.
        minor: u32,
    },

    /// The library is there, but it cannot be loaded.
    #[error("cannot load ONNX Runtime from {}: {cause}", path.display())]
    RuntimeBroken {
        /// The library.
        path: PathBuf,
        /// The loader's reason.
        cause: String,
    },

    /// A second ONNX Runtime was asked for in one process.
    #[error(
        "ONNX Runtime is already loaded from {}, and {} cannot be loaded beside it: name the same library everywhere",
        loaded.display(), asked.display()
    )]
    RuntimeTaken {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },

    /// A model cannot run on the device that was asked for.
    #[error(
        "cannot run on {device} with the ONNX Runtime at {}: {cause}: install onnxruntime-gpu and put its CUDA \
         libraries on the loader path, or choose the device cpu",
        library.display()
    )]
    Device {
        /// The device.
        device: &'static str,
        /// The library.
        library: PathBuf,
        /// The runtime's reason.
        cause: String,
    },

    /// A file is not an ONNX model at all.
    #[error("{} is not an ONNX model: {cause}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        cause: String,
    },

    /// ONNX Runtime cannot make a session of a model.
    #[error("ONNX Runtime refuses the model {}: {cause}", path.display())]
    ModelRefused {
        /// The file.
        path: PathBuf,
        /// The runtime's reason.
        cause: String,
    },

    /// An ONNX model that was not exported for this program.
    #[error(
        "the model {} has no metadata under the key \"tumble\": export it as docs/model-contract.md describes",
        path.display()
    )]
    NoContract {
        /// The file.
        path: PathBuf,
    },

    /// A model that follows another version of the contract.
    #[error(
        "the model {} follows version {found} of the model contract, but this program knows version {known} only: \
         export the model again, or use the program that it was made for",
        path.display()
    )]
    ContractVersion {
        /// The file.
        path: PathBuf,
        /// The version that it states, as written.
        found: String,
        /// The version known here.
        known: u32,
    },

    /// A model that breaks the contract.
    #[error("the model {} breaks the model contract: {cause}", path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// Which field, input or output, what was found, and what was expected.
        cause: String,
    },

    /// An output of a model has the wrong shape.
    #[error("the model \"{model}\" gave {output} of shape {found:?} where {expected} was expected: export it again")]
    OutputShape {
        /// Name of the model.
        model: String,
        /// Name of the output.
        output: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// Its shape by the contract, in words where it is not one shape.
        expected: String,
    },

    /// A model gave NaN or infinity.
    #[error(
        "the model \"{model}\" gave {value} in {output} at index {index:?}: check the structure for atoms that are too \
         close or too lonely for this model, or whether the dynamics has exploded"
    )]
    OutputNotFinite {
        /// Name of the model.
        model: String,
        /// Name of the output.
        output: &'static str,
        /// Where in the output, one index per axis.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },

    /// A run of a model failed inside ONNX Runtime.
    #[error("ONNX Runtime failed to run the model \"{model}\": {cause}")]
    ModelRun {
        /// Name of the model.
        model: String,
        /// The runtime's reason.
        cause: String,
    },
}
