//! A peer that plays i-PI, and the expected answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tumble_core::Calculator;
use tumble_core::System;
use tumble_core::rotation::Vector3;
use tumble_ipi::extras::extras;
use tumble_ipi::message::{self, Answer, Layout, Positions, Reply, Request};
use tumble_ipi::wire::Structure;

/// Time limit of an answer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Cell vectors as rows, Å.
pub const CELL: [Vector3; 3] = [[9.0, 0.3, 0.0], [0.0, 8.5, 0.2], [0.1, 0.0, 9.5]];

/// A peer that plays i-PI.
pub struct Peer {
    pub stream: UnixStream,
    pub layout: Layout,
    bytes: Vec<u8>,
}

impl Peer {
    pub fn new(stream: UnixStream, atoms: usize) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self { stream, layout: Layout::plain(atoms), bytes: vec![] }
    }

    pub fn send(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let mut out = vec![];
        put(&mut out);
        self.stream.write_all(&out).unwrap();
    }

    pub fn header(&mut self, name: &str) {
        self.send(|out| message::header(name, out));
    }

    pub fn init(&mut self, text: &str) {
        self.send(|out| message::put_init(0, text, out));
    }

    /// Sends a structure and the request for its results.
    pub fn ask(&mut self, structure: &Structure) {
        self.send(|out| {
            message::put_positions(structure, out);
            message::header("GETFORCE", out);
        });
    }

    /// Sends structures in one message, and the request for their results.
    pub fn ask_batch(&mut self, structures: &[Structure]) {
        self.layout.batch = structures.len();
        let atoms = structures[0].positions.len() as i32;
        self.send(|out| {
            message::header("POSDATA", out);
            out.extend(atoms.to_le_bytes());
            structures.iter().for_each(|structure| structure.put_cell(out));
            structures.iter().for_each(|structure| structure.put_positions(out));
            message::header("GETFORCE", out);
        });
    }

    pub fn reply(&mut self) -> Option<Reply> {
        loop {
            if let Some((reply, length)) = message::reply(&self.bytes, &self.layout).unwrap() {
                self.bytes.drain(..length);
                return Some(reply);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(length) => self.bytes.extend(&piece[..length]),
                // A read with a time limit is not resumed after the process was stopped.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn expect(&mut self, reply: &Reply) {
        assert_eq!(self.reply().as_ref(), Some(reply));
    }

    pub fn answers(&mut self) -> Vec<Answer> {
        match self.reply() {
            Some(Reply::ForceReady(answers)) => answers,
            other => panic!("{other:?}"),
        }
    }

    pub fn evaluate(&mut self, structure: &Structure) -> Answer {
        self.ask(structure);
        self.answers().remove(0)
    }

    /// The error of the other side, and the end of the connection.
    pub fn refusal(&mut self) -> String {
        match self.reply() {
            Some(Reply::Error(sentence)) => {
                assert_eq!(self.reply(), None);
                sentence
            }
            other => panic!("{other:?}"),
        }
    }
}

/// One water molecule, moved a little.
pub fn water(shift: f64) -> Structure {
    Structure { cell: CELL, positions: vec![[1.0 + shift, 1.0, 1.0], [1.7, 1.6, 1.0], [0.3, 1.6, 1.1]] }
}

/// Results of a calculator for a structure of water, with the rounding of the wire.
pub fn evaluated(mut calculator: Calculator, structure: &Structure, step: u64) -> Answer {
    let mut bytes = vec![];
    message::put_positions(structure, &mut bytes);
    let read = message::request(&bytes, &Layout::plain(structure.positions.len())).unwrap();
    let Some((Request::Positions(Positions::Inline(inline)), _)) = read else { panic!("no positions") };
    let arrived = inline.structures().next().unwrap();
    let species = [8, 1, 1].repeat(arrived.positions.len() / 3);
    let system = System::new(arrived.positions.clone(), species, arrived.cell(None).unwrap()).unwrap();
    let evaluation = calculator.evaluate_system(&system, step).unwrap();
    Answer {
        extras: extras(&evaluation),
        energy: evaluation.energy,
        virial: evaluation.virial.unwrap(),
        forces: evaluation.forces,
    }
}
