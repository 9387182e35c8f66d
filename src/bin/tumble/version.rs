//! `tumble --version`: the versions of this program and of its ONNX Runtime.

use std::path::Path;

use tumble::Result;
use tumble_onnx::runtime::installation::installation;

use crate::print;

/// Prints the versions. A missing ONNX Runtime is reported but is not an error.
pub fn run(library: Option<&Path>) -> Result<()> {
    let runtime = match installation(library) {
        Ok(found) => format!("ONNX Runtime {} at {}", found.version, found.path.display()),
        Err(error) => error.to_string(),
    };
    print(&format!("tumble {}\n{runtime}", env!("CARGO_PKG_VERSION")))
}
