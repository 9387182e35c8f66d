//! `tumble checksum`: writes a model's checksum into its file.

use std::path::PathBuf;

use clap::Args;
use tumble::Result;
use tumble_onnx::file::checksum::stamp;

use crate::print;

/// Write the checksum of a model into its file, replacing an older one
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  tumble checksum model.onnx

The checksum covers the file and its external weights. A model with a checksum is refused once a single bit has changed.
tumble-export writes the checksum: run this command only after you edit a model, as with the Python package onnx.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let checksum = stamp(&arguments.model)?;
    print(&format!("{}: checksum {checksum}", arguments.model.display()))
}
