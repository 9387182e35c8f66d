//! `tumble bench`: the time of a step, by part.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use tumble::Result;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::calculator::Calculator;
use tumble_core::neighbors::NeighborList;
use tumble_core::numbers::{megabytes, short};
use tumble_core::planner::Plan;
use tumble_core::potential::KeptEdges;

use crate::log::say;
use crate::options::{Models, TimeLimit, above_zero, reading};
use crate::print;
use crate::settings::Options;
use crate::structures;
use crate::written;

/// Measure how long a step of dynamics takes, and where the time goes
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,

    /// Structures in (extended) XYZ or i-PI's XYZ; - for the standard input [default: water, if the model has H and O]
    structures: Option<PathBuf>,

    /// Time spent on each structure, seconds; at least three evaluations
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = above_zero)]
    seconds: f64,

    /// Time step of the simulation, for the column ns/day, fs
    #[arg(long, value_name = "FS", default_value_t = 0.5, value_parser = above_zero)]
    timestep: f64,

    /// Also write ONNX Runtime's profiles with the time of every node, one file per session: PREFIX*_<date>.json; open
    /// them in chrome://tracing
    #[arg(long, value_name = "PREFIX")]
    profile: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    time: TimeLimit,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "\
Examples:
  tumble bench model.onnx
  tumble bench model.onnx water.xyz --rotate octahedral --threads 2
  tumble bench model.onnx water.xyz --profile nodes
  for n in 1 2 4; do tumble bench model.onnx water.xyz --threads $n --json; done

Times are medians over all steps but the first. The column \"neighbors\" is the time of the neighbor list, \"model\" that
of the model in ONNX Runtime, with tumble's kernels; \"rest\" is the time to
rotate and pack the input, to rotate the forces back, and to average. ns/day counts this command alone: LAMMPS adds its
own time, and MPI ranks share the atoms. The line \"neighbor list\" gives its share of a step's time, its edges and its
memory, and, for models that prune edges, the edges that the model keeps. The line \"plan\" gives the evaluations per
batch, the number of pieces, and the peak memory of the model.";

/// Milliseconds of one step.
struct Step {
    neighbors: f64,
    model: f64,
    rest: f64,
}

impl Step {
    fn total(&self) -> f64 {
        self.neighbors + self.model + self.rest
    }
}

/// Measurement of one structure.
struct Measured {
    name: String,
    atoms: usize,
    edges: usize,
    evaluations: usize,
    steps: Vec<Step>,
    /// Memory of the neighbor list, bytes.
    list_bytes: usize,
    /// The edges that the model keeps, if it prunes the others.
    kept: Option<KeptEdges>,
    plan: Plan,
}

impl Measured {
    fn median(&self, of: impl Fn(&Step) -> f64) -> f64 {
        let mut values: Vec<_> = self.steps.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    fn nanoseconds_a_day(&self, timestep: f64) -> f64 {
        // fs a step over ms a step: 86,400,000 ms a day, 1,000,000 fs a ns
        86.4 * timestep / self.median(Step::total)
    }

    fn row(&self, timestep: f64) -> String {
        let [total, neighbors, model, rest] =
            [Step::total, |s: &Step| s.neighbors, |s: &Step| s.model, |s: &Step| s.rest].map(|of| self.median(of));
        let (each, day) = (total / self.evaluations as f64, self.nanoseconds_a_day(timestep));
        format!(
            "{:<18} {:>7} {:>9} {:>12} {total:>10.3} {each:>10.3} {neighbors:>10.3} {model:>10.3} {rest:>10.3} {day:>9.3}\n  \
             neighbor list: {}\n  plan: {}",
            self.name,
            self.atoms,
            self.edges,
            self.evaluations,
            self.list_line(),
            self.plan
        )
    }

    /// Returns the time of the neighbor list as a share of a step.
    fn list_share(&self) -> f64 {
        self.median(|step| step.neighbors) / self.median(Step::total)
    }

    fn per_atom(&self, edges: usize) -> f64 {
        edges as f64 / self.atoms as f64
    }

    fn list_line(&self) -> String {
        let (edges, memory) = (self.per_atom(self.edges), megabytes(self.list_bytes));
        let share = short(100.0 * self.list_share());
        let kept = self.kept.map_or(String::new(), |KeptEdges { edges, bytes }| {
            format!("; the model keeps {:.1} edges per atom, {}", self.per_atom(edges), megabytes(bytes))
        });
        format!("{share}% of a step, {edges:.1} edges per atom, {memory}{kept}")
    }

    fn list_document(&self) -> Value {
        let kept = self.kept.map(|KeptEdges { edges, bytes }| {
            json!({"edges": edges, "edges_per_atom": self.per_atom(edges), "bytes": bytes})
        });
        json!({
            "share": self.list_share(),
            "edges_per_atom": self.per_atom(self.edges),
            "bytes": self.list_bytes,
            "kept": kept,
        })
    }

    fn document(&self, timestep: f64) -> Value {
        json!({
            "name": self.name,
            "atoms": self.atoms,
            "edges": self.edges,
            "evaluations": self.evaluations,
            "steps": self.steps.len(),
            "ms": self.median(Step::total),
            "neighbors_ms": self.median(|step| step.neighbors),
            "model_ms": self.median(|step| step.model),
            "rest_ms": self.median(|step| step.rest),
            "ns_per_day": self.nanoseconds_a_day(timestep),
            "neighbor_list": self.list_document(),
            "plan": {
                "workers": self.plan.workers,
                "rotations": self.plan.replicas(),
                "batch": self.plan.largest_batch(),
                "pieces": self.plan.pieces().map(ToString::to_string),
                "bytes": self.plan.bytes(),
            },
        })
    }
}

const HEADER: &str = "\
structure            atoms     edges  evaluations    ms/step   ms/eval.  neighbors      model       rest    ns/day";

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    arguments.profile.as_deref().map_or(Ok(()), begin)?;
    let before = arguments.profile.as_deref().map(profiles).unwrap_or_default();
    let settings = Settings { profile: arguments.profile.clone(), ..arguments.options.settings(library)? };
    let cancel = arguments.time.cancel()?;
    let mut calculator = arguments.models.calculator(&settings)?;
    calculator.watch(&cancel);
    let path = arguments.structures.as_deref();
    let mut all = Vec::new();
    let (given, info) = (arguments.structures.clone(), calculator.info().clone());
    let structures = reading(&cancel, move || structures::named(given.as_deref(), &info))?;
    for (index, (name, system)) in structures.into_iter().enumerate() {
        let measured = measure(&mut calculator, name, &system, arguments.seconds);
        let measured = measured.map_err(|cause| structures::located(path, index, cause))?;
        if !arguments.json {
            let header = if index == 0 { format!("{}\n\n{HEADER}\n", calculator.policy()) } else { String::new() };
            print(&format!("{header}{}", measured.row(arguments.timestep)))?;
        }
        all.push(measured.document(arguments.timestep));
    }
    let model = arguments.models.to_string();
    let document = json!({"model": model, "policy": calculator.policy(), "structures": all});
    // Dropping the calculator ends the sessions, and they write their profiles.
    drop(calculator);
    arguments.profile.iter().for_each(|prefix| check_profiles(prefix, &before));
    if arguments.json { print(&document.to_string()) } else { Ok(()) }
}

/// Checks that files of this prefix can be written, since ONNX Runtime does not report it.
fn begin(prefix: &Path) -> Result<()> {
    let mut trial = prefix.as_os_str().to_owned();
    trial.push(format!(".trial-{}", std::process::id()));
    written(prefix, std::fs::write(&trial, "").and_then(|()| std::fs::remove_file(&trial)))
}

/// Lists the profiles of this prefix.
fn profiles(prefix: &Path) -> Vec<PathBuf> {
    let folder = prefix.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = folder.read_dir().into_iter().flatten().flatten();
    let start = prefix.file_name().unwrap_or_default().as_bytes();
    let named = |name: &[u8]| name.starts_with(start) && name.ends_with(b".json");
    files.filter(|file| named(file.file_name().as_bytes())).map(|file| file.path()).collect()
}

/// Warns of new profiles that are cut off: ONNX Runtime does not report a full disk.
fn check_profiles(prefix: &Path, before: &[PathBuf]) {
    let complete = |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| bytes.trim_ascii_end().ends_with(b"]"));
    let new: Vec<_> = profiles(prefix).into_iter().filter(|path| !before.contains(path)).collect();
    if new.is_empty() || !new.iter().all(complete) {
        let prefix = prefix.display();
        say(&format!("warning: the profile {prefix}*.json is not complete: look whether its disk is full"));
    }
}

fn measure(calculator: &mut Calculator, name: String, system: &System, seconds: f64) -> Result<Measured> {
    let mut list = calculator.neighbor_list();
    let (_, edges, evaluations) = step(calculator, system, &mut list, 0)?;
    let (start, mut steps) = (Instant::now(), Vec::new());
    while steps.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        steps.push(step(calculator, system, &mut list, 1 + steps.len() as u64)?.0);
    }
    let (plan, kept) = (calculator.plan(list.last(), 0), calculator.kept_edges(list.last())?);
    Ok(Measured { name, atoms: system.len(), edges, evaluations, steps, list_bytes: list.bytes(), kept, plan })
}

/// How far atoms move between steps, Å: about as far as in 1 fs.
const STRIDE: f64 = 0.02;

/// Returns the structure with its atoms moved a little, as in dynamics: tumble does less for a list of edges that it has
/// just seen.
fn moved(system: &System, number: u64) -> System {
    let mut moved = system.clone();
    let numbers = moved.positions.iter_mut().flatten().enumerate();
    numbers.for_each(|(index, x)| *x += STRIDE * (index as f64 * 12.9 + number as f64 * 78.2).sin());
    moved
}

/// Runs one step with a new neighbor search; returns its times and the numbers of edges and evaluations.
fn step(
    calculator: &mut Calculator,
    system: &System,
    list: &mut NeighborList,
    number: u64,
) -> Result<(Step, usize, usize)> {
    let system = &moved(system, number);
    let (start, before) = (Instant::now(), calculator.model_seconds());
    calculator.info().check_species(&system.species)?;
    list.forget();
    let graph = list.graph(system)?;
    let found = start.elapsed().as_secs_f64();
    let evaluation = calculator.evaluate(graph, number)?;
    let (all, model) = (start.elapsed().as_secs_f64(), calculator.model_seconds() - before);
    let [neighbors, model, rest] = [found, model, all - found - model].map(|seconds| 1e3 * seconds);
    Ok((Step { neighbors, model, rest }, graph.n_edges(), evaluation.evaluations))
}
