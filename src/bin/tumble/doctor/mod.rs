//! `tumble doctor`: checks of the installation, with remedies.

mod filesystem;
mod finding;
mod job;
mod lammps;
mod load_failure;
mod machine;
mod model;
mod mpi;
mod plugin;
mod report;
mod runtime;
mod way;

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use serde_json::json;
use tumble::Result;
use tumble_core::Settings;

use self::finding::{Finding, Status};
use crate::options::hash;
use crate::output::Output;
use crate::print;

/// Check the installation (ONNX Runtime, GPU, LAMMPS, plugin, MPI, processors, a model) and print remedies
#[derive(Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("checked").args(["model", "named"]))]
pub struct Arguments {
    /// A model to check as well: its contract, checksum and forces, its spread over rotations, its energy in LAMMPS
    model: Option<PathBuf>,

    /// Former name of MODEL
    #[arg(long = "model", value_name = "FILE", hide = true)]
    named: Option<PathBuf>,

    /// Expected SHA-256 of the model
    #[arg(long, value_name = "HEX", value_parser = hash, requires = "checked")]
    sha256: Option<String>,

    /// The LAMMPS: any place that `tumble lammps build` takes [default: lmp of PATH or of the active environment]
    #[arg(long, value_name = "PATH")]
    lammps: Option<PathBuf>,

    /// Write everything about machine, LAMMPS and model into this file, to send with a question
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tumble doctor
  tumble doctor model.onnx
  tumble doctor model.onnx --lammps ~/lammps/build
  srun -n 1 tumble doctor --report report.txt             in a job, on a compute node
  tumble doctor --json | jq '.checks[] | select(.status == \"problem\")'

LAMMPS is started briefly, alone and on two MPI ranks. A missing optional part (LAMMPS, its plugin, MPI, a GPU) is a
note. Look through a report before you send it: it has names of this machine and its users. Exit code: 0 if there is no problem, 1 otherwise.";

/// Findings so far.
struct Report {
    json: bool,
    colored: bool,
    findings: Vec<Finding>,
}

impl Report {
    fn new(json: bool) -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, colored: wanted && io::stdout().is_terminal(), findings: vec![] }
    }

    /// Prints each finding at once, since the next may take seconds.
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<()> {
        for finding in findings {
            if !self.json {
                print(&finding.text(self.colored))?;
            }
            self.findings.push(finding);
        }
        Ok(())
    }

    fn finish(&self) -> Result<ExitCode> {
        let problems = self.findings.iter().filter(|finding| finding.status == Status::Problem).count();
        if self.json {
            print(&format!("{:#}", json!({ "problems": problems, "checks": self.findings })))?;
        } else {
            print(&format!("\n{}", summary(problems)))?;
        }
        Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn summary(problems: usize) -> String {
    match problems {
        0 => "no problem was found".into(),
        1 => "1 problem was found".into(),
        _ => format!("{problems} problems were found"),
    }
}

/// Runs the command.
pub fn command(arguments: &Arguments, library: Option<PathBuf>) -> Result<ExitCode> {
    let mut report = Report::new(arguments.json);
    report.add([program()])?;
    report.add(runtime::findings(library.as_deref()))?;
    report.add(machine::findings())?;
    let (findings, lammps) = lammps::find(arguments.lammps.as_deref());
    report.add(findings)?;
    let (finding, style) = plugin::find(lammps.as_ref());
    report.add([finding])?;
    report.add(lammps.as_ref().map(|lammps| way::finding(lammps, style.as_deref())))?;
    report.add([mpi::finding(lammps.as_ref(), arguments.lammps.is_some())])?;
    let model = arguments.model.as_ref().or(arguments.named.as_ref());
    if let Some(path) = model {
        report.add(filesystem::finding(path))?;
        let settings = Settings { library, sha256: arguments.sha256.clone(), ..Settings::default() };
        let (findings, sample) = model::findings(path, &settings);
        report.add(findings)?;
        if let (Some(lammps), Some(style), Some(sample)) = (&lammps, &style, &sample) {
            report.add([lammps.evaluates(style, path, sample)])?;
        }
    }
    if let Some(file) = &arguments.report {
        let text = report::text(&report.findings, lammps.as_ref(), model.map(PathBuf::as_path));
        Output::write(file, text.as_bytes())?;
    }
    report.finish()
}

fn program() -> Finding {
    let path = env::current_exe().map_or_else(|_| "an unknown place".into(), |path| path.display().to_string());
    Finding::ok("tumble", format!("{} at {path}", env!("CARGO_PKG_VERSION")))
}
