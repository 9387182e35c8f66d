//! The one public error: every sentence that a user can be shown.
//!
//! Sentences are lower case and say what, where, what was found, what was expected, and what to change.

use std::path::PathBuf;

use crate::graph::Graph;
use crate::numbers::{plain, short};

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as one sentence that tells the user what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    ///
    /// Cause: The file is not there, or may not be read; the system's reason is the end of the sentence.
    ///
    /// Cure: Give the right path, seen from the folder that the program was started in, and check the permissions.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A file could not be written.
    ///
    /// Cause: The folder is not there or may not be written to, or the disk is full.
    ///
    /// Cure: Give a path in a folder that can be written to; for statistics that is `--stats`.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// Positions and species of a structure differ in number.
    ///
    /// Cause: A program that calls the library gave lists of different length.
    ///
    /// Cure: Pass one position and one species for each atom, the same atoms in every call of a client.
    #[error("the structure has {positions} positions but {species} species: give one of each per atom")]
    AtomCount {
        /// Number of positions.
        positions: usize,
        /// Number of atomic numbers.
        species: usize,
    },

    /// A coordinate or a cell vector is NaN or infinite.
    ///
    /// Cause: The dynamics has exploded, or what was sent or read was broken before.
    ///
    /// Cure: Take a shorter time step, relax the structure first, and look at the step before in the trajectory.
    #[error("{what} of atom {atom} is not finite ({value}): check the structure, or whether the dynamics has exploded")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// Index of the atom (from 1).
        atom: usize,
        /// The value.
        value: f64,
    },

    /// A cell vector is NaN or infinite.
    ///
    /// Cause: The barostat has exploded, or what was sent or read was broken before.
    ///
    /// Cure: Take a shorter time step or a slower barostat, and look at the step before in the trajectory.
    #[error("cell vector {axis} is not finite ({value}): check the structure, or whether the dynamics has exploded")]
    CellNotFinite {
        /// The vector, as a letter.
        axis: char,
        /// The value.
        value: f64,
    },

    /// A periodic cell without volume.
    ///
    /// Cause: Two cell vectors are parallel or one is zero, although the structure repeats along it.
    ///
    /// Cure: Give three independent vectors, or say along which ones it repeats (`pbc` in extended XYZ, `--pbc` of
    /// `tumble ipi`).
    #[error(
        "the cell is periodic along {axis} but its volume is {} Å^3: give three independent cell vectors",
        short(*volume)
    )]
    FlatCell {
        /// The first periodic axis, as a letter.
        axis: char,
        /// Volume of the cell, Å^3.
        volume: f64,
    },

    /// A periodic cell of which too many fit into the cutoff.
    ///
    /// Cause: The cell is far smaller than the model's cutoff, most often because it was given in Bohr or nanometers.
    ///
    /// Cure: Give it in Å; in i-PI's files write `cell{angstrom}`.
    #[error(
        "an atom would see {images:.0} images of the cell within {radius:.3} Å: check the cell, and whether its unit is Å"
    )]
    TinyCell {
        /// Images of the cell.
        images: f64,
        /// Cutoff and skin, Å.
        radius: f64,
    },

    /// Atoms with far more neighbors than matter has.
    ///
    /// Cause: Atoms are squeezed together or the cell is far too small, most often because positions or cell are not in Å,
    /// or because the dynamics has exploded.
    ///
    /// Cure: Give positions and cell in Å; in a simulation take a shorter time step.
    #[error(
        "of {atoms} atoms some have {found} neighbors or more within {radius:.3} Å, but {most} are evaluated at most: check \
         positions and cell, and whether their unit is Å"
    )]
    Crowded {
        /// Atoms of the structure.
        atoms: usize,
        /// Neighbors of an atom.
        found: usize,
        /// Cutoff, with the skin if that is in it, Å.
        radius: f64,
        /// Neighbors that are allowed.
        most: usize,
    },

    /// More pairs of neighbors than memory holds.
    ///
    /// Cause: The structure, or all of a message together, is larger or denser than `memory` allows. A pair of neighbors
    /// takes 200 bytes, besides the working memory of the model.
    ///
    /// Cure: Raise `memory`, send fewer structures in a message, or check that positions and cell are in Å.
    #[error(
        "{atoms} atoms have more than {pairs} pairs of neighbors within {radius:.3} Å, {} an atom, and {} MB hold no more: \
         check positions and cell, and whether their unit is Å, or give more memory", 2 * pairs / (*atoms).max(1), memory >> 20
    )]
    TooManyPairs {
        /// Atoms of the structures.
        atoms: usize,
        /// Pairs that are allowed.
        pairs: usize,
        /// Cutoff and skin, Å.
        radius: f64,
        /// What so many take, bytes.
        memory: usize,
    },

    /// More work than a server does for one message.
    ///
    /// Cause: Edges times rotations, or structures times rotations, of one message are more than the server allows.
    ///
    /// Cure: Ask for fewer rotations, or send fewer structures in a message; or start the server with a larger `--max-work`.
    #[error(
        "{structures} structure(s) with {edges} edges at {rotations} rotations are {work:.1e} edges to compute, more than \
         the {most:.1e} that one message may ask for: give fewer rotations or fewer atoms"
    )]
    TooMuchWork {
        /// Structures of the message.
        structures: usize,
        /// Edges of all structures.
        edges: usize,
        /// Evaluations of each structure.
        rotations: usize,
        /// Their product, as it is counted.
        work: f64,
        /// The most.
        most: f64,
    },

    /// An evaluation that was asked to end before its end.
    ///
    /// Cause: A signal came, the time of `--max-seconds` was up, or nobody waited for the result any more.
    ///
    /// Cure: Nothing is wrong; start it again to get a result, with more time if that was the reason.
    #[error("the evaluation was ended before its end: {}", reason.sentence())]
    Cancelled {
        /// Why.
        reason: crate::reason::Reason,
    },

    /// An element that the model was not trained on.
    ///
    /// Cause: The model was not trained on this element, or the elements are in the wrong order.
    ///
    /// Cure: Compare with `tumble info MODEL`; then correct `pair_coeff`, the template or the structure, or take
    /// another model.
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
    ///
    /// Cause: A program that calls the library gave a cutoff or a skin that is no length.
    ///
    /// Cure: Pass a positive cutoff and a skin from zero on, in Å.
    #[error(
        "the cutoff is {} Å and the skin {} Å: give a positive cutoff and a skin that is not negative, both finite",
        plain(*cutoff),
        plain(*skin)
    )]
    Cutoff {
        /// The cutoff, Å.
        cutoff: f64,
        /// The skin, Å.
        skin: f64,
    },

    /// An argument of a call that makes no sense.
    ///
    /// Cause: An option of a model or a client cannot be read, or contradicts another one.
    ///
    /// Cure: Change the argument that the sentence names.
    #[error("the argument {name} {problem}")]
    Argument {
        /// Its name.
        name: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },

    /// Asked to end before the end.
    ///
    /// Cause: Ctrl-C or SIGTERM came before anything was measured.
    ///
    /// Cure: Nothing is wrong; start it again to get a result.
    #[error("interrupted")]
    Interrupted,

    /// Two atoms, or images of them, in one place.
    ///
    /// Cause: Two atoms lie on each other, as after a file was read twice, or where an atom is there on both sides of
    /// the box.
    ///
    /// Cure: Remove one of them; in a simulation take a shorter time step.
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
    ///
    /// Cause: Atoms were never wrapped and have drifted very far, or the dynamics has exploded.
    ///
    /// Cure: Wrap positions into the cell (`pbc='true'` in i-PI's socket), or take a shorter time step.
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
    ///
    /// Cause: `forces` or `--forces` asks for a kind that the file does not hold.
    ///
    /// Cure: Leave it out, or export the model with the other kind (`tumble-export pet --forces both`).
    #[error("the model \"{model}\" offers no {wanted} forces: ask for {offered} ones")]
    ForcesNotOffered {
        /// Name of the model.
        model: String,
        /// What was asked of it.
        wanted: &'static str,
        /// What it has.
        offered: String,
    },

    /// A setting out of range, or one that contradicts another or changes nothing.
    ///
    /// Cause: Two settings exclude each other, a setting has no effect beside the others, or a number is out of range.
    ///
    /// Cure: Change or leave out the setting that the sentence begins with.
    #[error("{name} {value} {problem}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },

    /// A text that names no mitigation.
    ///
    /// Cause: A word after `rotate` or `--rotate` that is no mitigation.
    ///
    /// Cure: Write one of those that the sentence lists.
    #[error("the mitigation \"{spec}\" {problem}: give {}", crate::grammar::GRAMMAR)]
    Mitigation {
        /// The text.
        spec: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },

    /// A grid of rotations that does not exist.
    ///
    /// Cause: Grids of this family exist for some orders only.
    ///
    /// Cure: Take one of the orders that the sentence gives; `degree:N` finds the cheapest grid of a degree.
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
    ///
    /// Cause: The line breaks the rules of the format; what follows the colon says which.
    ///
    /// Cure: Mend the line, by what is said of XYZ files below.
    #[error("line {line} of {}: {problem}", file.display())]
    Xyz {
        /// The file.
        file: PathBuf,
        /// Number of the line (from 1).
        line: usize,
        /// What is wrong with it.
        problem: Box<dyn std::error::Error + Send + Sync>,
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

    /// A frame of an XYZ file that cannot be evaluated.
    ///
    /// Cause: This frame can be read but not evaluated, for the reason after the colon.
    ///
    /// Cure: Look up that reason on this page.
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
    ///
    /// Cause: `tumble check` and `tumble bench` make structures of water where none are given, and this model knows no
    /// water.
    ///
    /// Cure: Give a file with a few snapshots of what will be simulated.
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
    ///
    /// Cause: `-o` names the file that is read.
    ///
    /// Cure: Write to another file.
    #[error("the output {} is the input itself: give another file to write to", path.display())]
    Overwrite {
        /// The file.
        path: PathBuf,
    },

    /// A text that names no socket.
    ///
    /// Cause: `--listen`, `--tcp` or the address of a client is not written as an address.
    ///
    /// Cure: Write `unix:PATH` or `tcp:HOST:PORT`; after `--tcp` only `HOST:PORT`.
    #[error("the address \"{address}\" {problem}")]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: &'static str,
    },

    /// A server that cannot be reached.
    ///
    /// Cause: Nobody listens there, a socket was left behind by a program that died, or it belongs to another user.
    ///
    /// Cure: Start the other side, compare path or port with its own, and run both as the same user.
    #[error("cannot connect to {address}: {cause}: is the server running there?")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A place to listen that cannot be had.
    ///
    /// Cause: Another process has the address, the folder of the socket is missing, or the address is not this
    /// machine's.
    ///
    /// Cure: Take another address, or end the other process.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The place.
        address: String,
        /// The system's reason.
        cause: std::io::Error,
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
        "the token has {found} characters, and {address} can be reached from other machines, where it would be guessed: \
         give at least {shortest} random ones, as `openssl rand -hex 16` makes them"
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
    #[error("cannot listen to the signals of the system: {cause}")]
    Signals {
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A connection that broke.
    ///
    /// Cause: The other side died, or the network failed.
    ///
    /// Cure: Look into the other side's log; `tumble ipi --reconnect` waits for the next server.
    #[error("the connection to {peer} broke: {cause}")]
    Connection {
        /// The other side.
        peer: String,
        /// The system's reason.
        cause: std::io::Error,
    },

    /// A peer that does not keep to the protocol.
    ///
    /// Cause: The other side does not keep to i-PI's protocol, or has another structure.
    ///
    /// Cure: Look up the rest of the sentence under messages below.
    #[error("{peer} {fault}")]
    Peer {
        /// The other side.
        peer: String,
        /// What is wrong, as the rest of a sentence.
        fault: String,
    },

    /// A request that was refused, with the reason that its sender was told.
    ///
    /// Cause: The structure that was sent cannot be evaluated; the reason is at the end, and the other side was told
    /// the same.
    ///
    /// Cure: Look up that reason on this page.
    #[error("a request of {peer} was refused: {sentence}")]
    Unanswered {
        /// The other side.
        peer: String,
        /// Why, as a sentence or, for a breach of protocol, the rest of one.
        sentence: String,
    },

    /// A force server that refuses, in its own words.
    ///
    /// Cause: The server does not take this simulation as it asks to be served.
    ///
    /// Cure: As the server says; its sentences are in docs/server.md#errors.
    #[error("the force server refused: {sentence}")]
    Refused {
        /// What it said.
        sentence: String,
    },

    /// A unit style of LAMMPS without a scale.
    ///
    /// Cause: LAMMPS runs in `units lj`, whose numbers have no scale.
    ///
    /// Cure: Write one of the other styles, and convert the data file.
    #[error(
        "units {style} have no scale in eV and Å: use units metal, real, electron, si, cgs, micro or nano with this model"
    )]
    UnitStyle {
        /// Its name.
        style: String,
    },

    /// Per-atom virials of forces that are no derivatives.
    ///
    /// Cause: A compute asks for virials per atom of a model with direct forces.
    ///
    /// Cure: Write `forces conservative`, or remove the compute.
    #[error(
        "per-atom virials are made of the gradients of the energy, which direct forces lack: use conservative forces (and \
         inner ones), or remove compute stress/atom, centroid/stress/atom and heat/flux"
    )]
    NoAtomicVirials,

    /// A keyword of the pair style with a value that it does not know.
    ///
    /// Cause: A keyword of the pair style that takes words has an unknown one.
    ///
    /// Cure: Write one of the words that the sentence expects.
    #[error("keyword {keyword} has the value {found}: expected {expected}")]
    KeywordValue {
        /// The keyword.
        keyword: &'static str,
        /// What was given.
        found: String,
        /// What can be given.
        expected: &'static str,
    },

    /// A word in place of a keyword of the pair style.
    ///
    /// Cause: A keyword of `pair_style tumble` is misspelt, or there is none of that name.
    ///
    /// Cure: Write one of those that the sentence lists; docs/lammps.md#syntax says what each does.
    #[error("unknown keyword {word}: {hint}the keywords are {known}")]
    UnknownKeyword {
        /// The word.
        word: String,
        /// Empty, or the keyword that was probably meant, as a question.
        hint: String,
        /// The keywords that there are.
        known: String,
    },

    /// A model where a keyword of the pair style is expected.
    ///
    /// Cause: The model was given to `pair_style`, as in some other pair styles.
    ///
    /// Cure: Give it to `pair_coeff`, as the sentence says.
    #[error(
        "{word} is no keyword: the model goes to pair_coeff, so write pair_style tumble and then pair_coeff * * {word} \
         followed by the element of each atom type, as in O H"
    )]
    ModelInPairStyle {
        /// The word.
        word: String,
    },

    /// An element where `pair_coeff` expects the model.
    ///
    /// Cause: `pair_coeff` names no model, or names it after the elements.
    ///
    /// Cure: Write the model first, then the elements.
    #[error(
        "pair_coeff names the element {word} where the model is expected: write pair_coeff * * model.onnx {word} ..."
    )]
    ElementNotModel {
        /// The word.
        word: String,
    },

    /// Ranks that do not run the same calculation.
    ///
    /// Cause: MPI ranks on several machines have other model files of the same name, or other versions of tumble.
    ///
    /// Cure: Give all machines the same files, best on a disk that they share.
    #[error(
        "{ranks} {} from rank 0 in {what}: {first} on rank 0, {other} on rank {rank}: give all ranks the same model file \
         and the same plugin", if ranks.starts_with("ranks") { "differ" } else { "differs" }
    )]
    RanksDiffer {
        /// The property that is different.
        what: String,
        /// What rank 0 has.
        first: String,
        /// The first rank that has something else.
        rank: usize,
        /// What that rank has.
        other: String,
        /// All ranks that have something else than rank 0, with the noun.
        ranks: String,
    },

    /// Ghost atoms do not reach as far as the model sees.
    ///
    /// Cause: A rank's share of the box is thinner than the model's reach, or `comm_style tiled` was used.
    ///
    /// Cure: Use fewer ranks, or other `processors`, so that no share is thinner than the reach.
    #[error(
        "the neighbors of ghost atom {tag} are not known on this rank, but the model sees {hops} hops of {} Å: \
         ghosts must reach {} Å beyond each rank's share of the box, so use fewer MPI ranks, a thicker box, or \
         comm_style brick",
        plain(*cutoff),
        plain(*reach)
    )]
    GhostsTooThin {
        /// Tag of the atom.
        tag: i64,
        /// hops × cutoff, Å.
        reach: f64,
        /// Cutoff of the model, Å.
        cutoff: f64,
        /// Hops of the model.
        hops: usize,
    },

    /// A structure that needs more memory than allowed, and a model that cannot take it in parts.
    ///
    /// Cause: The model's energy is one of the whole structure (Orb), so that it cannot be evaluated block by block.
    ///
    /// Cure: Raise `memory` to what the sentence says, or take a smaller structure.
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
    ///
    /// Cause: Even one block of atoms with its rim needs more than `memory`.
    ///
    /// Cure: Raise `memory` to what the sentence says.
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
    ///
    /// Cause: A mistake in tumble.
    ///
    /// Cure: Report it, with the input and the whole output.
    #[error("internal error of tumble: {text}: please report it with the input that led to it")]
    Internal {
        /// What the panic said.
        text: String,
    },

    /// ONNX Runtime is nowhere to be found.
    ///
    /// Cause: ONNX Runtime is not installed, or in another Python environment.
    ///
    /// Cure: Do as the sentence says; `make build` puts a link to it beside the program.
    #[error(
        "ONNX Runtime was not found in any of: {tried}: install it with `pip install onnxruntime`, or set \
         ORT_DYLIB_PATH to the library or its folder"
    )]
    RuntimeMissing {
        /// Every place that was tried, in order.
        tried: String,
    },

    /// The place that the user named holds no ONNX Runtime.
    ///
    /// Cause: The variable or option that the sentence begins with points to a wrong place.
    ///
    /// Cure: Let it point to the library or its folder, or remove it.
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
    ///
    /// Cause: An older ONNX Runtime was found before the right one.
    ///
    /// Cure: Install a newer one, or name the right one by ORT_DYLIB_PATH.
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
    ///
    /// Cause: The file is no library, is for another processor, or lacks a library of its own.
    ///
    /// Cure: Install the wheel again; `ldd` shows what it lacks.
    #[error("cannot load ONNX Runtime from {}: {cause}", path.display())]
    RuntimeBroken {
        /// The library.
        path: PathBuf,
        /// The loader's reason.
        cause: String,
    },

    /// A second ONNX Runtime was asked for in one process.
    ///
    /// Cause: Two pair styles or settings in one process name different libraries.
    ///
    /// Cure: Name one library, by ORT_DYLIB_PATH, for all of them.
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
    ///
    /// Cause: The library has no CUDA provider, or its CUDA libraries or the GPU are missing.
    ///
    /// Cure: Do as the sentence says, or run with `device cpu`.
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

    /// A GPU in a process made by fork.
    ///
    /// Cause: The process was made by fork, as Python's multiprocessing does on Linux, after its parent had loaded the model
    /// on a GPU, which CUDA does not allow.
    ///
    /// Cure: Load the model in the child, or start children by `multiprocessing.get_context("spawn")`.
    #[error(
        "the model was loaded on cuda before this process was forked from its parent, which CUDA does not allow: load it in \
         the child, or start children by spawn"
    )]
    Forked,

    /// A file is not an ONNX model at all.
    ///
    /// Cause: The file is something else, as a checkpoint, a page of HTML or a pointer of Git LFS, or it was cut off on
    /// its way.
    ///
    /// Cure: Fetch or export it again.
    #[error("{} is not an ONNX model: {cause}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        cause: String,
    },

    /// ONNX Runtime cannot make a session of a model.
    ///
    /// Cause: The file needs a newer ONNX Runtime (opset), or has operators or types that it does not know.
    ///
    /// Cure: Install a newer ONNX Runtime, or export with a lower opset.
    #[error("ONNX Runtime refuses the model {}: {cause}", path.display())]
    ModelRefused {
        /// The file.
        path: PathBuf,
        /// The runtime's reason.
        cause: String,
    },

    /// An ONNX model that was not exported for this program.
    ///
    /// Cause: The file was made by another exporter.
    ///
    /// Cure: Export it with `tumble-export` (docs/export.md), or add what docs/model-contract.md#metadata asks for.
    #[error(
        "the model {} has no metadata under the key \"tumble\": export it as docs/model-contract.md describes",
        path.display()
    )]
    NoContract {
        /// The file.
        path: PathBuf,
    },

    /// A model that follows another version of the contract.
    ///
    /// Cause: The model and this program are of different age.
    ///
    /// Cure: Export the model again, or install the matching tumble.
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
    ///
    /// Cause: The metadata, inputs or outputs are not as the contract wants; the sentence names which.
    ///
    /// Cure: Mend the exporter by docs/model-contract.md.
    #[error("the model {} breaks the model contract: {cause}", path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// Which field, input or output, what was found, and what was expected.
        cause: String,
    },

    /// Weights outside of a model file that cannot be had.
    ///
    /// Cause: The model keeps weights in a second file (external data), which is not beside it, is cut short, or belongs
    /// to another model.
    ///
    /// Cure: Copy all files of the model together, or save it in one file (`save_as_external_data=False`).
    #[error("the model {} keeps weights in \"{location}\", {cause}", path.display())]
    ExternalData {
        /// The file of the model.
        path: PathBuf,
        /// The other file, as the model names it.
        location: String,
        /// What is wrong with it, as the rest of a sentence.
        cause: String,
    },

    /// A model whose contents are not those of its checksum.
    ///
    /// Cause: The file was damaged on its way or on its disk, or was changed after the export.
    ///
    /// Cure: Fetch it again; if you changed it, write the checksum anew by `tumble checksum FILE`.
    #[error(
        "the model {} is damaged: it states the checksum {stated}, but its contents have {found}: fetch it again, or, if \
         you changed it, run `tumble checksum {}`", path.display(), path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The checksum in the file.
        stated: String,
        /// That of the rest of the file.
        found: String,
    },

    /// Another model than the one demanded.
    ///
    /// Cause: `sha256` or `--sha256` demands a certain model, and the file is another one, or has changed.
    ///
    /// Cure: Give the file of that hash, or the hash of this file (`tumble info`) if it is the one that you want.
    #[error(
        "the model {} has the sha256 {found}, but {expected} was asked for: give the file of that hash, or correct the \
         sha256", path.display()
    )]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Its SHA-256, hexadecimal.
        found: String,
        /// The SHA-256 that it must have.
        expected: String,
    },

    /// An output of a model has the wrong shape.
    ///
    /// Cause: The model does not keep its shapes free, or has an output of the wrong rank.
    ///
    /// Cure: Export it again; docs/model-contract.md#what-the-model-must-guarantee says what must be free.
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
    ///
    /// Cause: The structure is outside of what the model knows, or the model divides by zero for lonely atoms.
    ///
    /// Cure: Look at the atoms that the sentence names; if a single atom gives it too, it is the model.
    #[error(
        "the model \"{model}\" gave {value} in {output} at index {index:?}{}: check the structure for atoms that are too \
         close or too lonely for this model, or whether the dynamics has exploded{atoms}",
        center.map(|center| format!(" (atom {})", center + 1)).unwrap_or_default()
    )]
    OutputNotFinite {
        /// Name of the model.
        model: String,
        /// Name of the output.
        output: &'static str,
        /// Where in the output, one index per axis.
        index: Vec<usize>,
        /// Index in the structure (from 0) of the center that it belongs to, where it belongs to one.
        center: Option<usize>,
        /// The value.
        value: f64,
        /// The closest atoms of the structure, and those without neighbors, as the end of a sentence.
        atoms: String,
    },

    /// A model gave NaN or infinity for an atom of a simulation in LAMMPS.
    ///
    /// Cause: As in the sentence with an index: atoms that are too close or too lonely for the model, often since the
    /// time step is too long.
    ///
    /// Cure: Look at the atom and its neighbors in a dump of the steps before; take a shorter time step, or minimize first.
    #[error(
        "the model \"{model}\" gave {value} in {output} for {place}: check whether these atoms are too close or too lonely \
         for this model, or whether the dynamics has exploded"
    )]
    AtomNotFinite {
        /// Name of the model.
        model: String,
        /// Name of the output.
        output: &'static str,
        /// The value.
        value: f64,
        /// Atom ID, element, position, and the nearest neighbors with their distances.
        place: String,
    },

    /// A run of a model failed inside ONNX Runtime.
    ///
    /// Cause: ONNX Runtime gave up in the middle, as for want of memory, or on shapes that were fixed at the export.
    ///
    /// Cure: Lower `memory`; if it fails with a few atoms too, export the model again.
    #[error("ONNX Runtime failed to run the model \"{model}\": {cause}")]
    ModelRun {
        /// Name of the model.
        model: String,
        /// The runtime's reason.
        cause: String,
    },
}

impl Error {
    /// With the atoms of the whole structure that a model is most likely to fail for, where it has failed.
    pub(crate) fn of_structure(mut self, graph: &Graph) -> Self {
        if let Self::OutputNotFinite { atoms, .. } = &mut self {
            *atoms = graph.extremes();
        }
        self
    }

    /// Whether an option or argument makes no sense, whatever the files and the machine are like: command lines end with
    /// code 2 then, as for options that cannot be parsed, and with code 1 for everything else.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Argument { .. }
                | Self::Setting { .. }
                | Self::Mitigation { .. }
                | Self::GridOrder { .. }
                | Self::Address { .. }
                | Self::OpenDoor { .. }
                | Self::ShortToken { .. }
                | Self::Overwrite { .. }
                | Self::ForcesNotOffered { .. }
        )
    }

    /// Whether it is one for want of time.
    pub fn is_late(&self) -> bool {
        match self {
            Self::Cancelled { reason } => *reason == crate::reason::Reason::Time,
            Self::Frame { cause, .. } => cause.is_late(),
            _ => false,
        }
    }
}
