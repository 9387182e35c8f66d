//! The client of the force server, for simulations.
//!
//! It acts as i-PI does: an `INIT` with the options, then one message and one answer per structure.
//!
//! ```no_run
//! use tumble_ipi::client::{Client, ClientSettings};
//!
//! # fn main() -> tumble_ipi::Result<()> {
//! let settings = ClientSettings { species: vec![8, 1, 1], rotate: Some("octahedral".into()), ..ClientSettings::default() };
//! let mut client = Client::connect(&"unix:/tmp/forces".parse()?, &settings)?;
//! let water = [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]];
//! println!("{} eV", client.evaluate(None, &water)?.energy);
//! # Ok(())
//! # }
//! ```

mod reply_reader;
mod settings;

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use tumble_core::rotation::{Matrix3, Vector3};

use crate::client::reply_reader::{ReadError, ReplyReader};
pub use crate::client::settings::ClientSettings;
pub use crate::client::settings::check_atomic_numbers;
use crate::error::{Error, Result};
use crate::extras;
use crate::init::put_species;
use crate::message::{self, Answer, Fault, Layout, Reply};
use crate::net::{Address, Stream};
use crate::wire::Structure;

/// Typical size of the extras, bytes; larger ones take a second read.
const TYPICAL_EXTRAS: usize = 1 << 14;

/// A connection to a force server; dropping it sends `EXIT`.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    /// The server's name in error messages.
    peer: String,
    layout: Layout,
    timeout: Option<Duration>,
    structure: Structure,
    out: Vec<u8>,
    reader: ReplyReader,
    /// Whether both sides are in step; false after an error.
    alive: bool,
}

impl Client {
    /// Connects and sends the `INIT`.
    ///
    /// # Errors
    /// [`Argument`](tumble_core::Error::Argument), [`Error::Connect`], and all of [`Client::evaluate`]'s.
    pub fn connect(address: &Address, settings: &ClientSettings) -> Result<Self> {
        Self::with_options(address, &settings.species, &settings.options()?, settings.timeout)
    }

    /// As [`Client::connect`], with the options as text, as in an `INIT`: `rotate: octahedral, seed: 1`, or empty.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn with_options(address: &Address, species: &[u8], options: &str, timeout: Option<Duration>) -> Result<Self> {
        settings::check_atomic_numbers(species)?;
        settings::check_options(options)?;
        let unreached = |source| Error::Connect { address: address.to_string(), source };
        let stream = Stream::connect(address).map_err(unreached)?;
        stream.set_read_timeout(timeout).map_err(unreached)?;
        let separator = if options.is_empty() { "" } else { ", " };
        let text = format!("species: {}{separator}{options}", put_species(species));
        let mut client = Self::new(stream, format!("the server at {address}"), species.len(), timeout);
        client.initialize(&text)?;
        Ok(client)
    }

    fn new(stream: Stream, peer: String, atoms: usize, timeout: Option<Duration>) -> Self {
        // FORCEREADY, energy, N, forces, virial, length of the extras
        let room = message::HEADER + 8 + 4 + 24 * atoms + 72 + 4 + TYPICAL_EXTRAS;
        Self {
            stream,
            peer,
            layout: Layout::plain(atoms),
            timeout,
            structure: Structure::default(),
            out: vec![],
            reader: ReplyReader::new(room),
            alive: true,
        }
    }

    /// Sends `STATUS`, `INIT` and `STATUS` at once: the answers between are always the same.
    fn initialize(&mut self, text: &str) -> Result<()> {
        message::header("STATUS", &mut self.out);
        message::put_init(0, text, &mut self.out);
        message::header("STATUS", &mut self.out);
        self.send()?;
        self.expect("NEEDINIT", |reply| (reply == Reply::NeedInit).then_some(()))?;
        self.expect("READY", |reply| (reply == Reply::Ready).then_some(()))
    }

    /// Evaluates one structure: energy (eV), forces (`[N]`, eV/Å), virial (-dE/d(strain), eV) and extras (JSON, as
    /// [`tumble_core::details`]).
    ///
    /// `cell`: its rows are the vectors, Å; `None` or vectors of zero length are not periodic. `positions`: `[N]`, Å,
    /// in the order of the species, wrapped or not.
    ///
    /// # Errors
    /// [`AtomCount`](tumble_core::Error::AtomCount) before anything is sent. The others end the connection, and all
    /// later calls fail: [`Error::Refused`] with the server's sentence, [`Error::Connection`], [`Error::Peer`].
    pub fn evaluate(&mut self, cell: Option<&Matrix3>, positions: &[Vector3]) -> Result<Answer> {
        if positions.len() != self.layout.atoms {
            let (positions, species) = (positions.len(), self.layout.atoms);
            return Err(tumble_core::Error::AtomCount { positions, species }.into());
        }
        if !self.alive {
            return Err(self.broken(io::Error::other("an earlier error ended it: connect again")));
        }
        self.put_structure(cell, positions);
        self.send()?;
        self.expect("FORCEREADY", |reply| match reply {
            Reply::ForceReady(answers) => answers.into_iter().next().map(in_electron_volts),
            _ => None,
        })
    }

    fn put_structure(&mut self, cell: Option<&Matrix3>, positions: &[Vector3]) {
        self.structure.cell = cell.copied().unwrap_or_default();
        self.structure.positions.clear();
        self.structure.positions.extend_from_slice(positions);
        message::put_positions(&self.structure, &mut self.out);
        message::header("GETFORCE", &mut self.out);
    }

    /// Sends the buffer. A server that refuses may close before it has read all: its `ERROR` takes precedence over the
    /// failed write.
    fn send(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        let Err(cause) = sent else { return Ok(()) };
        self.alive = false;
        match self.reader.next(&mut self.stream, &self.layout) {
            Ok(Reply::Error(sentence)) => Err(Error::Refused { sentence }),
            _ => Err(self.broken(cause)),
        }
    }

    /// Reads the next reply, and refuses any but the expected one.
    fn expect<T>(&mut self, due: &'static str, pick: impl FnOnce(Reply) -> Option<T>) -> Result<T> {
        // On an early return, or a panic, the two sides are out of step.
        self.alive = false;
        let reply = match self.reader.next(&mut self.stream, &self.layout) {
            Err(ReadError::Connection(cause)) => return Err(self.broken(cause)),
            Err(ReadError::Fault(fault)) => return Err(self.fault(fault)),
            Ok(Reply::Error(sentence)) => return Err(Error::Refused { sentence }),
            Ok(reply) => reply,
        };
        let found = name(&reply);
        let picked = pick(reply).ok_or_else(|| self.fault(Fault::OutOfTurn { found, due }))?;
        self.alive = true;
        Ok(picked)
    }

    fn broken(&self, cause: io::Error) -> Error {
        let late = matches!(cause.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        let source = match self.timeout.filter(|_| late) {
            Some(limit) => io::Error::new(ErrorKind::TimedOut, format!("no answer within {limit:?}")),
            None => cause,
        };
        Error::Connection { peer: self.peer.clone(), source }
    }

    fn fault(&self, fault: Fault) -> Error {
        Error::Peer { peer: self.peer.clone(), fault }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.alive {
            message::header("EXIT", &mut self.out);
            // A failure is harmless: the server handles a closed connection just as well.
            let _ = self.stream.write_all(&self.out);
        }
    }
}

fn in_electron_volts(answer: Answer) -> Answer {
    Answer { extras: extras::read(&answer.extras), ..answer }
}

fn name(reply: &Reply) -> &'static str {
    match reply {
        Reply::NeedInit => "NEEDINIT",
        Reply::Ready => "READY",
        Reply::HaveData => "HAVEDATA",
        Reply::ForceReady(_) => "FORCEREADY",
        Reply::Error(_) => "ERROR",
    }
}
