//! `tumble` as a process: started, watched, signalled, and not left behind; and somebody who speaks i-PI's part to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tumble::ipi::message::{self, Answer, Layout, Positions, Reply, Request};
use tumble::ipi::wire::Structure;
use tumble::rotation::Vector3;
use tumble::{Calculator, Settings, System};

/// What is slower than this has failed.
pub const LIMIT: Duration = Duration::from_secs(60);

pub const CELL: [Vector3; 3] = [[9.0, 0.3, 0.0], [0.0, 8.5, 0.2], [0.1, 0.0, 9.5]];

/// Rotations that take 100 molecules minutes; 100 of them take a second or two.
pub const SLOW: &str = "random:20000";

/// Waits until it is true.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < end, "not in time: {what}");
        sleep(Duration::from_millis(5));
    }
}

pub fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"))
}

/// A running `tumble`, killed with this value.
pub struct Process {
    child: Child,
    error: Arc<Mutex<String>>,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// How a process has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
}

impl Process {
    pub fn tumble(arguments: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_tumble")).args(arguments))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (error, output) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stderr.take().unwrap(), Arc::clone(&error)),
            collect(child.stdout.take().unwrap(), Arc::clone(&output)),
        ];
        Self { child, error, output, readers }
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a system call without memory; the child is not reaped before it has ended, so the number is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Where what it says on the standard error is collected.
    pub fn ear(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.error)
    }

    /// What it has said on the standard error so far.
    pub fn said(&self) -> String {
        self.error.lock().unwrap().clone()
    }

    /// What it has written to the standard output so far.
    pub fn written(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    pub fn says(&self, part: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let ended = self.readers.iter().all(JoinHandle::is_finished);
            if self.said().contains(part) {
                return;
            }
            assert!(!ended && Instant::now() < end, "\"{part}\" is not in\n{}", self.said());
            sleep(Duration::from_millis(5));
        }
    }

    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Ended {
        let end = Instant::now() + LIMIT;
        while self.lives() {
            assert!(Instant::now() < end, "it does not end; it has said\n{}", self.said());
            sleep(Duration::from_millis(5));
        }
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let status = self.child.wait().unwrap();
        status.code().map_or_else(|| Ended::Signal(status.signal().unwrap()), Ended::Code)
    }

    /// Waits for its end with this code, and for these last words.
    pub fn ends(&mut self, code: i32, words: &str) {
        assert_eq!(self.end(), Ended::Code(code), "{}", self.said());
        assert_eq!(self.said().lines().last().unwrap_or_default(), words);
    }

    /// What it writes before it ends by itself.
    pub fn finished(&mut self) -> String {
        assert_eq!(self.end(), Ended::Code(0), "{}", self.said());
        self.written()
    }

    /// A file about it in /proc.
    pub fn about(&self, name: &str) -> String {
        let mut text = vec![];
        let path = format!("/proc/{}/{name}", self.child.id());
        File::open(path).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// How long it has been running, seconds of one processor.
    pub fn seconds(&self) -> f64 {
        let text = self.about("stat");
        // The name of the program, in parentheses, may have spaces; user and system time are fields 14 and 15.
        let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = [11, 12].map(|i| fields[i].parse::<u64>().unwrap()).iter().sum();
        // SAFETY: a system call without memory.
        ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
    }

    /// How many files it has open.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    let lines = BufReader::new(from).lines().map_while(Result::ok);
    spawn(move || lines.for_each(|line| *into.lock().unwrap() += &(line + "\n")))
}

/// Somebody who asks for forces.
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

    /// Structures and the request for their results in one send.
    pub fn ask(&mut self, structure: &Structure) {
        self.send(|out| {
            message::put_positions(structure, out);
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
            match self.stream.read(&mut piece).unwrap() {
                0 => return None,
                length => self.bytes.extend(&piece[..length]),
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

    /// The sentence with which the other side ends it, and the end.
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

/// So many water molecules in a row, for what is to take long.
pub fn many(molecules: usize) -> Structure {
    let molecule = |i: usize| water(0.0).positions.into_iter().map(move |[x, y, z]| [x, y + 3.0 * i as f64, z]);
    Structure { cell: [[0.0; 3]; 3], positions: (0..molecules).flat_map(molecule).collect() }
}

/// What a calculator of our own gives for a structure of water as it arrives through the wire.
pub fn expected(settings: &Settings, structure: &Structure, step: u64) -> Answer {
    let mut bytes = vec![];
    message::put_positions(structure, &mut bytes);
    let read = message::request(&bytes, &Layout::plain(structure.positions.len())).unwrap();
    let Some((Request::Positions(Positions::Inline(inline)), _)) = read else { panic!("no positions") };
    let arrived = inline.structures().next().unwrap();
    let species = [8, 1, 1].repeat(arrived.positions.len() / 3);
    let system = System::new(arrived.positions.clone(), species, arrived.cell(None).unwrap()).unwrap();
    let mut calculator = Calculator::load(&model("harmonic-list-f64"), settings).unwrap();
    let evaluation = calculator.evaluate_system(&system, step).unwrap();
    Answer {
        energy: evaluation.energy,
        forces: evaluation.forces.clone(),
        virial: evaluation.virial.unwrap(),
        extras: tumble::ipi::extras::extras(&evaluation),
    }
}

/// The same numbers, but for what rounding does to them.
pub fn check(found: &Answer, expected: &Answer) {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} is not {b}");
    close(found.energy, expected.energy);
    assert_eq!(found.forces.len(), expected.forces.len());
    let (forces, virial) = (found.forces.as_flattened(), found.virial.as_flattened());
    forces.iter().zip(expected.forces.as_flattened()).for_each(|(&a, &b)| close(a, b));
    virial.iter().zip(expected.virial.as_flattened()).for_each(|(&a, &b)| close(a, b));
}
