//! `tumble --version`: this program, and the ONNX Runtime that it runs models with.

use std::io::{self, Write};
use std::path::Path;

use tumble::Result;
use tumble::onnx::installation::installation;

use crate::{STDOUT, written};

/// Prints the versions; that ONNX Runtime is not there is said, and no error.
pub fn run(library: Option<&Path>) -> Result<()> {
    let runtime = match installation(library) {
        Ok(found) => format!("ONNX Runtime {} at {}", found.version, found.path.display()),
        Err(error) => error.to_string(),
    };
    written(STDOUT, writeln!(io::stdout(), "tumble {}\n{runtime}", env!("CARGO_PKG_VERSION")))
}
