//! The messages: bytes to values and back. It does no I/O.
//!
//! A message is a header of 12 characters, padded with spaces, and a body. Numbers are little-endian, int32 and
//! float64; energies are in Hartree, lengths in Bohr. The side that runs the dynamics sends [`Request`]s, the side that
//! computes sends [`Reply`]s:
//!
//! | request | followed by |
//! |---|---|
//! | `STATUS`, `GETFORCE`, `EXIT` | nothing |
//! | `INIT` | int32 id, int32 length, text |
//! | `POSDATA` | cell `[9]` (vectors as columns), its inverse `[9]`, int32 N, positions `[N][3]` |
//! | `POSDATA` in batches of B | int32 N, B times (cell, inverse), positions `[B][N][3]` |
//! | `POSDATA` through shared memory | int32 N, and the first time six names (int32 length, text) |
//!
//! | reply | followed by |
//! |---|---|
//! | `NEEDINIT`, `READY`, `HAVEDATA` | nothing |
//! | `FORCEREADY` | energy, int32 N, forces `[N][3]`, virial `[9]`, int32 length, extras |
//! | `FORCEREADY` in batches of B | energies `[B]`, int32 N, forces `[B][N][3]`, virials `[B][9]`, B times extras |
//! | `FORCEREADY` through shared memory | B times extras |
//! | `ERROR` | int32 length, text (of the force server only; the connection ends with it) |

mod read;

use tumble_core::rotation::{Matrix3, Vector3};

pub use crate::message::read::{reply, request};
use crate::wire::{self, Structure};

/// Length of a header.
pub const HEADER: usize = 12;

/// Bytes of a cell and its inverse.
const CELL: usize = 2 * 9 * 8;

/// How structures and results are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// In the messages.
    #[default]
    Socket,
    /// Through shared memory; the next `POSDATA` names its segments.
    Unnamed,
    /// Through shared memory, named before.
    Shared,
}

/// The sizes agreed on, and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Number of atoms N of every structure.
    pub atoms: usize,
    /// Structures per `POSDATA`, at least 1.
    pub batch: usize,
    /// How structures and results are sent.
    pub transport: Transport,
    /// The longest text in an `INIT`, bytes.
    pub max_text: usize,
}

impl Layout {
    /// The layout of single structures of `atoms` atoms.
    pub fn plain(atoms: usize) -> Self {
        Self { atoms, batch: 1, transport: Transport::Socket, max_text: 1 << 16 }
    }
}

/// A message of the side that runs the dynamics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request<'a> {
    /// Asks for the state of the computing side.
    Status,
    /// Parameters, before the first structure.
    Init {
        /// Number of the first replica.
        id: i32,
        /// Parameters; see [`crate::init`].
        text: &'a str,
    },
    /// Structures to evaluate.
    Positions(Positions<'a>),
    /// Asks for the results.
    GetForce,
    /// Ends the connection.
    Exit,
}

/// The structures of a `POSDATA`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions<'a> {
    /// In the message.
    Inline(Inline<'a>),
    /// In shared memory; with the names of pos, h, ih, pot, force, vir if they are new.
    Shared(Option<[&'a str; 6]>),
}

/// Structures inside a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inline<'a> {
    cells: &'a [u8],
    positions: &'a [u8],
}

impl Inline<'_> {
    /// The structures, Å.
    pub fn structures(&self) -> impl Iterator<Item = Structure> + '_ {
        let cells = self.cells.as_chunks::<CELL>().0;
        let each = self.positions.len() / cells.len().max(1);
        let positions = move |i: usize| &self.positions[i * each..][..each];
        cells.iter().enumerate().map(move |(i, cell)| Structure::read(&cell[..CELL / 2], positions(i)))
    }
}

tumble_core::errors! {
    /// A breach of the protocol, as the rest of a sentence that begins with the peer's name.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Fault {
        /// An unknown header.
        #[error("sent {found} where the header {expected} was expected: check that it speaks i-PI's protocol")]
        Header {
            /// The header, printable.
            found: String,
            /// The headers allowed.
            expected: &'static str,
        },

        /// A number of atoms other than the `INIT`'s.
        #[error(
            "sent {found} atoms where {expected} were expected: give the same structure on both sides, and shared \
             memory to both or neither"
        )]
        Atoms {
            /// The received number of atoms.
            found: i32,
            /// The `INIT`'s number.
            expected: usize,
        },

        /// Names of shared memory in place of cells.
        #[error("sent no cell where one was expected: give shared memory to both sides or neither")]
        Names,

        /// A length out of range.
        #[error("announced {what} of {found} bytes where 0 to {limit} are allowed")]
        Length {
            /// The announced text.
            what: &'static str,
            /// The received length.
            found: i32,
            /// The limit.
            limit: usize,
        },

        /// Bytes that are not UTF-8 text.
        #[error("sent {what} that is not UTF-8 text")]
        Text {
            /// The text.
            what: &'static str,
        },
        /// Structures before an `INIT`.
        #[error("sent POSDATA before INIT")]
        PositionsBeforeInit,

        /// Structures while others are being evaluated.
        #[error("sent POSDATA twice without GETFORCE between")]
        PositionsTwice,

        /// An `INIT` while structures are being evaluated.
        #[error("sent INIT between POSDATA and GETFORCE")]
        InitBetween,

        /// A request for results without structures.
        #[error("sent GETFORCE before POSDATA")]
        ForcesBeforePositions,

        /// Too many messages before an `INIT`.
        #[error("sent {limit} messages before an INIT")]
        Talk {
            /// The most messages allowed.
            limit: usize,
        },

        /// A reply out of turn.
        #[error("sent {found} where {due} was due: check that it is a force server of tumble")]
        OutOfTurn {
            /// Its header.
            found: &'static str,
            /// The expected header.
            due: &'static str,
        },
    }
}

/// A message of the computing side.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It needs an `INIT`.
    NeedInit,
    /// It is ready for structures.
    Ready,
    /// It has results.
    HaveData,
    /// The results, one per structure.
    ForceReady(Vec<Answer>),
    /// An error, as a sentence.
    Error(String),
}

/// The results for one structure, in eV and Å.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Energy, eV.
    pub energy: f64,
    /// Forces `[N]`, eV/Å.
    pub forces: Vec<Vector3>,
    /// Virial -dE/d(strain), eV; NaN where unknown.
    pub virial: Matrix3,
    /// A JSON object, or empty.
    pub extras: String,
}

/// Appends a header.
pub fn header(name: &str, out: &mut Vec<u8>) {
    out.extend(format!("{name:<HEADER$}").bytes().take(HEADER));
}

/// Appends a text with its length.
pub fn text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as i32).to_le_bytes());
    out.extend(text.bytes());
}

/// Appends an `INIT`.
pub fn put_init(id: i32, parameters: &str, out: &mut Vec<u8>) {
    header("INIT", out);
    out.extend(id.to_le_bytes());
    text(parameters, out);
}

/// Appends a `POSDATA` with one structure.
pub fn put_positions(structure: &Structure, out: &mut Vec<u8>) {
    header("POSDATA", out);
    structure.put_cell(out);
    out.extend((structure.positions.len() as i32).to_le_bytes());
    structure.put_positions(out);
}

/// Appends a `FORCEREADY`; through shared memory, with the extras only.
pub fn put_answers(answers: &[Answer], transport: Transport, out: &mut Vec<u8>) {
    header("FORCEREADY", out);
    if transport == Transport::Socket {
        answers.iter().for_each(|answer| wire::put_energy(answer.energy, out));
        out.extend((answers.first().map_or(0, |answer| answer.forces.len()) as i32).to_le_bytes());
        answers.iter().for_each(|answer| wire::put_forces(&answer.forces, out));
        answers.iter().for_each(|answer| wire::put_virial(&answer.virial, out));
    }
    answers.iter().for_each(|answer| text(&answer.extras, out));
}

/// Appends an `ERROR`.
pub fn put_error(sentence: &str, out: &mut Vec<u8>) {
    header("ERROR", out);
    text(sentence, out);
}
