//! A folder with a model, and the program run there.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with a model.
pub struct Folder(pub TempDir);

#[allow(dead_code)] // Not every test file uses all of it.
impl Folder {
    /// A folder with `model.onnx`, a toy for H and O.
    pub fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/models/harmonic-padded-f64.onnx");
        std::fs::copy(model, folder.path("model.onnx")).unwrap();
        folder
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `tumble` in the folder.
    pub fn tumble(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tumble"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that fails before it reads its input closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Standard output of a run that succeeds.
    pub fn output(&self, arguments: &[&str], stdin: &str) -> String {
        let output = self.tumble(arguments, stdin);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a run that ends with the exit code.
    pub fn failure(&self, code: i32, arguments: &[&str], stdin: &str) -> String {
        let output = self.tumble(arguments, stdin);
        assert_eq!(output.status.code(), Some(code));
        String::from_utf8(output.stderr).unwrap()
    }
}
