//! `tumble check`: how much of a model's symmetry is broken, and what to do about it.

mod json;
mod text;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tumble::check::findings::Findings;
use tumble::check::measure::Bench;
use tumble::check::recommend::{Conditions, Target};
use tumble::check::structures::{Named, water};
use tumble::check::{Measured, Plan, knows_water, measure, report};
use tumble::elements::symbols;
use tumble::onnx::OnnxPotential;
use tumble::policy::Policy;
use tumble::potential::Potential;
use tumble::scheduler::Interrupt;
use tumble::{Error, Graph, Result, Settings, neighbors, xyz};

use crate::log::say;
use crate::options::{Running, load, positive};
use crate::{STDOUT, info, written};

/// Rotations by which the time of an evaluation is found.
const TRIAL: usize = 12;

/// Measure how much of a model's symmetry is broken, and see what to do about it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Structures in any form that tumble eval reads; - for the standard input [default: water in four forms]
    structures: Option<PathBuf>,

    /// Error to stay below: energy=X (meV/atom) or forces=X (meV/Å), may be given for both [default: energy=0.1 and
    /// forces=1]
    #[arg(long, value_name = "WHAT=X", value_parser = target)]
    target: Vec<(Quantity, f64)>,

    /// Time step of the simulation, fs
    #[arg(long, value_name = "FS", default_value_t = Conditions::default().timestep, value_parser = above_zero)]
    timestep: f64,

    /// Temperature of the simulation, K
    #[arg(long, value_name = "K", default_value_t = Conditions::default().temperature, value_parser = above_zero)]
    temperature: f64,

    /// Write all that was found as one page of HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,

    /// How long it may take, seconds: chooses the reference and the orientations where they are not given
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = above_zero)]
    budget: f64,

    /// The grid that errors are measured against [default: as fine as the budget allows, up to degree:14]
    #[arg(long, value_name = "degree:N", value_parser = degree)]
    reference: Option<usize>,

    /// Random orientations at which each grid is measured [default: as many as the budget allows, up to 8]
    #[arg(long, value_name = "N", value_parser = positive)]
    orientations: Option<usize>,

    #[command(flatten)]
    running: Running,
}

#[derive(Clone, Copy, PartialEq)]
enum Quantity {
    Energy,
    Forces,
}

const EXAMPLES: &str = "\
Examples:
  tumble check model.onnx
  tumble check model.onnx water.xyz --report report.html
  tumble check model.onnx water.xyz --target forces=0.5 --timestep 0.25 --temperature 350
  tumble check model.onnx water.xyz --reference degree:14 --orientations 8 --json

A few structures are enough. Ctrl-C ends it with what is known so far (exit code 130). How to read what it prints, and the
keys of --json: docs/check.md.";

/// Runs the command.
pub fn command(arguments: &Arguments, library: Option<PathBuf>) -> Result<ExitCode> {
    let settings = arguments.running.settings(library);
    Plan::allot(&[], 0.0, arguments.reference, arguments.orientations)?;
    let mut potential = load(&arguments.model, &settings)?;
    let structures = structures(arguments, &potential)?;
    let card = info::rows(&potential, &arguments.model);
    let interrupt = Interrupt::by_signals().map_err(|cause| Error::Signals { cause })?;
    let mut go_on = || !interrupt.asked();
    let measured = measure_all(arguments, &settings, &mut potential, structures, &mut go_on)?;
    let Some(findings) = Findings::new(measured, arguments.target(), arguments.conditions())? else {
        say("error: interrupted before the first structure was done");
        return Ok(ExitCode::from(130));
    };
    arguments.tell(&findings, &card)?;
    Ok(if interrupt.asked() { ExitCode::from(130) } else { ExitCode::SUCCESS })
}

/// The structures of the file, or those of water, with their names.
fn structures(arguments: &Arguments, potential: &OnnxPotential) -> Result<Vec<Named>> {
    let Some(path) = &arguments.structures else {
        let info = potential.info();
        let refusal = || Error::NoStructures { model: info.name.clone(), known: symbols(&info.species) };
        return if knows_water(info) { water() } else { Err(refusal()) };
    };
    let frames = xyz::open(path)?.enumerate();
    frames.map(|(index, frame)| Ok((format!("frame {}", index + 1), frame?.system))).collect()
}

/// A structure that is ready to be measured.
struct Task {
    name: String,
    graph: Graph,
    plan: Plan,
    /// Of one evaluation.
    seconds: f64,
}

/// What is known of each structure; fewer than all if it was interrupted.
fn measure_all(
    arguments: &Arguments,
    settings: &Settings,
    potential: &mut OnnxPotential,
    structures: Vec<Named>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<(String, Measured)>> {
    let (forces, memory) = (Policy::new(settings, potential.info())?.forces, settings.memory_mb << 20);
    let mut tasks = Vec::new();
    for (index, (name, system)) in structures.into_iter().enumerate() {
        let located = |cause| arguments.located(index, cause);
        potential.info().check_species(&system.species).map_err(located)?;
        let graph = neighbors::graph(&system, potential.info().cutoff).map_err(located)?;
        let mut watch = |_| go_on();
        let mut bench = Bench::new(potential, forces, memory, &mut watch)?;
        let seconds = match bench.seconds(&graph, TRIAL) {
            Err(Error::Interrupted) => return Ok(Vec::new()),
            other => other.map_err(located)?,
        };
        tasks.push((name, graph, seconds));
    }
    let seconds: Vec<_> = tasks.iter().map(|(_, _, seconds)| *seconds).collect();
    let plans = Plan::allot(&seconds, arguments.budget, arguments.reference, arguments.orientations)?;
    let tasks = tasks.into_iter().zip(plans).map(|((name, graph, seconds), plan)| Task { name, graph, plan, seconds });
    let tasks: Vec<_> = tasks.collect();
    let bar = progress(&tasks)?;
    let mut all = Vec::new();
    for (index, Task { name, graph, plan, seconds }) in tasks.into_iter().enumerate() {
        bar.set_message(name.clone());
        let mut watch = |evaluations: usize| {
            bar.inc(microseconds(evaluations, seconds));
            go_on()
        };
        let mut bench = Bench::new(potential, forces, memory, &mut watch)?;
        match measure(&mut bench, &graph, plan, settings.seed) {
            Err(Error::Interrupted) => break,
            other => all.push((name, other.map_err(|cause| arguments.located(index, cause))?)),
        }
    }
    bar.finish_and_clear();
    Ok(all)
}

fn microseconds(evaluations: usize, seconds: f64) -> u64 {
    (1e6 * evaluations as f64 * seconds) as u64
}

/// A bar of the time that all of it is expected to take, on a terminal.
fn progress(tasks: &[Task]) -> Result<ProgressBar> {
    if !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let times = tasks.iter().map(|task| Ok(microseconds(task.plan.evaluations()?, task.seconds)));
    let bar = ProgressBar::new(times.sum::<Result<u64>>()?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let style = ProgressStyle::with_template("{bar:30} {percent}%, {eta} left, {msg}");
    Ok(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
}

impl Arguments {
    /// An error with the number of its frame.
    fn located(&self, index: usize, cause: Error) -> Error {
        let file = self.structures.as_ref().filter(|path| path.as_path() != Path::new("-"));
        let file = file.map_or_else(|| "the standard input".into(), Clone::clone);
        Error::Frame { file, frame: index + 1, cause: Box::new(cause) }
    }

    /// What is not asked for is without limit, once something is.
    fn target(&self) -> Target {
        if self.target.is_empty() {
            return Target::default();
        }
        let of = |what| {
            let values = self.target.iter().filter(|(quantity, _)| *quantity == what).map(|(_, value)| 1e-3 * value);
            values.fold(f64::INFINITY, f64::min)
        };
        Target { energy: of(Quantity::Energy), forces: of(Quantity::Forces) }
    }

    fn conditions(&self) -> Conditions {
        Conditions { timestep: self.timestep, temperature: self.temperature }
    }

    /// Prints and writes what was found.
    fn tell(&self, findings: &Findings, card: &[(&'static str, String)]) -> Result<()> {
        let model = self.model.display().to_string();
        let text = if self.json {
            format!("{}\n", json::document(findings, card, &model)?)
        } else {
            text::text(findings, &model)?
        };
        if let Some(path) = &self.report {
            written(path, fs::write(path, report::page(findings, card, &model)?))?;
        }
        written(STDOUT, io::stdout().lock().write_all(text.as_bytes()))
    }
}

fn target(text: &str) -> Result<(Quantity, f64), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let quantity = match name {
        "energy" => Quantity::Energy,
        "force" | "forces" => Quantity::Forces,
        _ => return Err("must be energy=X, in meV/atom, or forces=X, in meV/Å".into()),
    };
    above_zero(value).map(|value| (quantity, value)).map_err(|problem| format!("{name} {problem}"))
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a number above 0".into())
}

fn degree(text: &str) -> Result<usize, String> {
    let degree = text.strip_prefix("degree:").and_then(|number| number.parse().ok());
    degree.filter(|degree| *degree > 1).ok_or_else(|| "must be degree:N, with N from 2".into())
}
