//! `tumble --version`: this program, and the ONNX Runtime that it runs models with.

use std::path::Path;

use tumble::Result;
use tumble_onnx::runtime::installation::installation;

use crate::print;

/// Prints the versions; that ONNX Runtime is not there is said, and no error.
pub fn run(library: Option<&Path>) -> Result<()> {
    let runtime = match installation(library) {
        Ok(found) => format!("ONNX Runtime {} at {}", found.version, found.path.display()),
        Err(error) => error.to_string(),
    };
    print(&format!("tumble {}\n{runtime}", env!("CARGO_PKG_VERSION")))
}
