//! `tumble` as a process: started, watched, signalled, and ended.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tumble_core::Settings;
use tumble_engine::load;
use tumble_ipi::message::Answer;
use tumble_ipi::wire::Structure;

use crate::ipi_peer::evaluated;

#[allow(unused_imports)]
pub use crate::ipi_peer::{LIMIT, Peer, water};

/// Rotations that take 100 molecules minutes; 100 of them take a second or two.
pub const SLOW: &str = "random:20000";

/// Waits until the condition is true.
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

/// A running `tumble`, killed on drop.
pub struct Process {
    child: Child,
    error: Arc<Mutex<String>>,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// Exit of a process.
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

    /// The buffer of its standard error.
    pub fn stderr(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.error)
    }

    /// Standard error of the process so far.
    pub fn said(&self) -> String {
        self.error.lock().unwrap().clone()
    }

    /// Standard output of the process so far.
    pub fn written(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until its standard error contains `part`.
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

    /// Waits for its end with this exit code, and with `words` on the standard error.
    pub fn ends(&mut self, code: i32, words: &str) {
        assert_eq!(self.end(), Ended::Code(code), "{}", self.said());
        assert_eq!(self.said().lines().last().unwrap_or_default(), words);
    }

    /// Waits for its end; returns its standard output.
    pub fn finished(&mut self) -> String {
        assert_eq!(self.end(), Ended::Code(0), "{}", self.said());
        self.written()
    }

    /// Reads one of its files in /proc.
    pub fn about(&self, name: &str) -> String {
        let mut text = vec![];
        let path = format!("/proc/{}/{name}", self.child.id());
        File::open(path).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Processor time of the process, seconds.
    pub fn seconds(&self) -> f64 {
        let text = self.about("stat");
        // The name of the program, in parentheses, may have spaces; user and system time are fields 14 and 15.
        let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = [11, 12].map(|i| fields[i].parse::<u64>().unwrap()).iter().sum();
        // SAFETY: a system call without memory.
        ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
    }

    /// Number of its open files.
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

/// Many water molecules in a row, for a long request.
pub fn many(molecules: usize) -> Structure {
    let molecule = |i: usize| water(0.0).positions.into_iter().map(move |[x, y, z]| [x, y + 3.0 * i as f64, z]);
    Structure { cell: [[0.0; 3]; 3], positions: (0..molecules).flat_map(molecule).collect() }
}

/// Results of a calculator in this process for a structure of water, with the rounding of the wire.
pub fn expected(settings: &Settings, structure: &Structure, step: u64) -> Answer {
    evaluated(load(&model("harmonic-list-f64"), settings).unwrap(), structure, step)
}

/// Compares numbers up to rounding.
pub fn check(found: &Answer, expected: &Answer) {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} is not {b}");
    close(found.energy, expected.energy);
    assert_eq!(found.forces.len(), expected.forces.len());
    let (forces, virial) = (found.forces.as_flattened(), found.virial.as_flattened());
    forces.iter().zip(expected.forces.as_flattened()).for_each(|(&a, &b)| close(a, b));
    virial.iter().zip(expected.virial.as_flattened()).for_each(|(&a, &b)| close(a, b));
}
