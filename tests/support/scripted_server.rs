//! A force server that follows a script of literal bytes.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;

use tempfile::TempDir;

/// `(request, reply)`, byte for byte, one after the other.
pub type Script = Vec<(Vec<u8>, Vec<u8>)>;

/// A server on its own socket file, for one connection.
pub struct ScriptedServer {
    folder: TempDir,
    thread: JoinHandle<Vec<u8>>,
}

impl ScriptedServer {
    /// Starts it. After the script it reads on, or closes at once.
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

    /// Address of the server, as on the command line.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("s").display())
    }

    /// Returns the bytes after the script; fails if a request differed from the script.
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

/// The first exchange, with the options of the INIT.
pub fn greeting(text: &str) -> (Vec<u8>, Vec<u8>) {
    let length = (text.len() as i32).to_le_bytes();
    let request = [b"STATUS      INIT        \0\0\0\0", &length[..], text.as_bytes(), b"STATUS      "].concat();
    (request, b"NEEDINIT    READY       ".to_vec())
}

/// A structure, Bohr, with its cell and inverse by columns, and the request for its results.
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

/// An error message.
pub fn error(sentence: &str) -> Vec<u8> {
    [b"ERROR       ", &(sentence.len() as i32).to_le_bytes()[..], sentence.as_bytes()].concat()
}

fn numbers(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
