//! A force server that follows a script of literal bytes.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;

use tempfile::TempDir;

/// `(request, reply)`, byte for byte, one after the other.
pub type Script = Vec<(Vec<u8>, Vec<u8>)>;

/// A server on a file of its own, for one connection.
pub struct ScriptedServer {
    folder: TempDir,
    thread: JoinHandle<Vec<u8>>,
}

impl ScriptedServer {
    /// Starts it. When the script is done it reads what else comes, or closes at once.
    pub fn start(script: Script, closes: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let thread = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            script.iter().for_each(|(request, reply)| exchange(&mut stream, request, reply));
            let mut rest = vec![];
            if !closes {
                stream.read_to_end(&mut rest).unwrap();
            }
            rest
        });
        Self { folder, thread }
    }

    /// As users write it.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("s").display())
    }

    /// What came after the script; fails if a request was another than it says.
    pub fn rest(self) -> Vec<u8> {
        self.thread.join().unwrap()
    }
}

fn exchange(stream: &mut UnixStream, request: &[u8], reply: &[u8]) {
    let mut found = vec![0; request.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found.escape_ascii().to_string(), request.escape_ascii().to_string());
    stream.write_all(reply).unwrap();
}

/// The first exchange: what is wanted of it.
pub fn greeting(text: &str) -> (Vec<u8>, Vec<u8>) {
    let length = (text.len() as i32).to_le_bytes();
    let request = [b"STATUS      INIT        \0\0\0\0", &length[..], text.as_bytes(), b"STATUS      "].concat();
    (request, b"NEEDINIT    READY       ".to_vec())
}

/// A structure, Bohr, with the columns of its cell and of the inverse in order, and the request for its results.
pub fn structure(cell: [f64; 9], inverse: [f64; 9], positions: &[f64]) -> Vec<u8> {
    let atoms = (positions.len() as i32 / 3).to_le_bytes();
    let (cell, inverse) = (numbers(&cell), numbers(&inverse));
    [b"POSDATA     ", &cell[..], &inverse, &atoms, &numbers(positions), b"GETFORCE    "].concat()
}

/// Results in Hartree and Bohr.
pub fn results(energy: f64, forces: &[f64], virial: [f64; 9], extras: &str) -> Vec<u8> {
    let atoms = (forces.len() as i32 / 3).to_le_bytes();
    let (forces, virial) = (numbers(forces), numbers(&virial));
    let length = (extras.len() as i32).to_le_bytes();
    [b"FORCEREADY  ", &energy.to_le_bytes()[..], &atoms, &forces, &virial, &length, extras.as_bytes()].concat()
}

/// A refusal.
pub fn error(sentence: &str) -> Vec<u8> {
    [b"ERROR       ", &(sentence.len() as i32).to_le_bytes()[..], sentence.as_bytes()].concat()
}

fn numbers(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
