//! The command line.

mod bench;
mod check;
mod checksum;
mod compare;
mod completions;
mod doctor;
mod errors;
mod eval;
mod info;
mod ipi;
mod json;
mod lammps;
mod log;
mod man;
mod model;
mod options;
mod output;
mod program;
mod progress;
mod serve;
mod settings;
mod structures;
mod table;
mod version;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind as UsageError;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use tumble::{Error, Result};

/// Evaluate machine-learned potentials that are not exactly rotation-invariant, and measure their symmetry error.
#[derive(Parser)]
#[command(version, disable_version_flag = true, arg_required_else_help = true, after_help = EXAMPLES)]
#[command(override_usage = "tumble [OPTIONS] <COMMAND>")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// The ONNX Runtime library or its folder [default: searched in the usual places]
    #[arg(long, global = true, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,

    /// Print the versions of tumble and of ONNX Runtime, with the path of its library
    #[arg(long)]
    version: bool,

    /// Print the version of tumble
    #[arg(short = 'V', action = ArgAction::Version)]
    short: Option<bool>,
}

#[derive(Subcommand)]
enum Command {
    Info(info::Arguments),
    Eval(eval::Arguments),
    Check(Box<check::Arguments>),
    Bench(bench::Arguments),
    Ipi(Box<ipi::Arguments>),
    Serve(Box<serve::Arguments>),
    Model(model::Arguments),
    Checksum(checksum::Arguments),
    Lammps(lammps::Arguments),
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    /// Print all errors as a page of the manual
    #[command(hide = true)]
    Errors,
}

const EXAMPLES: &str = "\
Examples:
  tumble info model.onnx                                  cutoff, elements and origin of a model
  tumble eval model.onnx water.xyz                        energies and forces of all frames
  tumble eval model.onnx water.xyz --rotate octahedral    averaged over 24 rotations, with their spread
  tumble check model.onnx water.xyz --report report.html  size of the symmetry error, recommended settings
  tumble bench model.onnx water.xyz                       time of a step, by part
  tumble ipi model.onnx --template water.xyz --unix driver    forces for an i-PI simulation
  tumble serve model.onnx --listen unix:/tmp/water.sock   forces for many simulations
  tumble model water                                      path of a model that comes with tumble
  tumble lammps build                                     the pair style for your own LAMMPS
  tumble doctor                                           check of the installation, with remedies

Every command has its own examples: tumble eval --help

Exit code: 2 for invalid options, 1 for any other error.";

fn main() -> ExitCode {
    let Arguments { command, onnxruntime, version, short: _ } = Arguments::parse();
    let result = match command {
        _ if version => version::run(onnxruntime.as_deref()).map(|()| ExitCode::SUCCESS),
        Some(Command::Info(arguments)) => info::run(&arguments, onnxruntime).map(|()| ExitCode::SUCCESS),
        Some(Command::Eval(arguments)) => eval::run(&arguments, onnxruntime).map(|()| ExitCode::SUCCESS),
        Some(Command::Check(arguments)) => check::command(&arguments, onnxruntime),
        Some(Command::Bench(arguments)) => bench::run(&arguments, onnxruntime).map(|()| ExitCode::SUCCESS),
        Some(Command::Ipi(arguments)) => ipi::command(&arguments, onnxruntime),
        Some(Command::Serve(arguments)) => serve::command(&arguments, onnxruntime),
        Some(Command::Model(arguments)) => model::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Checksum(arguments)) => checksum::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Lammps(arguments)) => lammps::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Doctor(arguments)) => doctor::command(&arguments, onnxruntime),
        Some(Command::Completions(arguments)) => completions::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Man(arguments)) => man::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Errors) => errors::run().map(|()| ExitCode::SUCCESS),
        None => Arguments::command().error(UsageError::MissingSubcommand, "give a command: tumble --help").exit(),
    };
    match result {
        Ok(code) => code,
        // The reader closed the pipe, as in `tumble eval ... | head`.
        Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            log::say(&format!("error: {error}"));
            ExitCode::from(match error {
                _ if error.is_late() => options::LATE,
                _ if error.is_signal() => options::INTERRUPTED,
                _ if error.is_usage() => 2,
                _ => 1,
            })
        }
    }
}

/// Adds the path to an error of writing.
fn written(path: impl AsRef<Path>, result: std::io::Result<()>) -> Result<()> {
    result.map_err(|source| Error::Write { path: path.as_ref().into(), source })
}

/// Prints a line.
fn print(text: &str) -> Result<()> {
    written(STDOUT, writeln!(std::io::stdout().lock(), "{text}"))
}

/// Name of the standard output in messages.
const STDOUT: &str = "the standard output";
