//! `tumble checksum`: writes a model's checksum into it.

use std::path::PathBuf;

use clap::Args;
use tumble::Result;
use tumble_onnx::file::checksum::stamp;

use crate::print;

/// Write the checksum of a model into its file, in place of the one that is there
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  tumble checksum model.onnx

Of what the file and its weights outside of it hold. A model that states its checksum is refused where one bit of it has
changed; tumble-export writes it. Run this after you have changed a model yourself, as with the Python package onnx.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let checksum = stamp(&arguments.model)?;
    print(&format!("{}: checksum {checksum}", arguments.model.display()))
}
