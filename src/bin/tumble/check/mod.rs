//! `tumble check`: the symmetry error of a model, and recommended settings.

mod json;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use tumble::Error;
use tumble::Result;
use tumble_check::findings::Findings;
use tumble_check::measure::Evaluator;
use tumble_check::recommend::{Conditions, Target};
use tumble_check::structures::Named;
use tumble_check::{Measured, Plan, measure, report};
use tumble_core::Cancel;
use tumble_core::Graph;
use tumble_core::Settings;
use tumble_core::neighbors::NeighborList;
use tumble_core::policy::Policy;
use tumble_core::potential::{Forces, Potential};
use tumble_engine::OnnxPotential;
use tumble_server::scheduler::Shutdown;

use crate::STDOUT;
use crate::info;
use crate::log::say;
use crate::options::{LATE, TimeLimit, above_zero, load, positive, reading};
use crate::output::Output;
use crate::progress::shown;
use crate::settings::{Options, Running};
use crate::structures;
use crate::written;

/// Number of rotations in the timing of an evaluation.
const TRIAL: usize = 12;

/// Measure the symmetry error of a model, and recommend settings for your simulation
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Structures in any format of tumble eval; - for the standard input [default: water in four forms]
    structures: Option<PathBuf>,

    /// Largest accepted error: energy=X (meV/atom) or forces=X (meV/Å, also force=X); give it twice for both [default:
    /// energy=0.1 and forces=1]
    #[arg(long, value_name = "WHAT=X", value_parser = target)]
    target: Vec<(Quantity, f64)>,

    /// Time step of the simulation, fs
    #[arg(long, value_name = "FS", default_value_t = Conditions::default().timestep, value_parser = above_zero)]
    timestep: f64,

    /// Temperature of the simulation, K
    #[arg(long, value_name = "K", default_value_t = Conditions::default().temperature, value_parser = above_zero)]
    temperature: f64,

    /// Write all results as one page of HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,

    /// Time of the measurement, seconds; determines the defaults of --reference and --orientations
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = above_zero)]
    budget: f64,

    /// Reference grid of the errors [default: as fine as the budget allows, up to degree:14]
    #[arg(long, value_name = "degree:N", value_parser = degree)]
    reference: Option<usize>,

    /// Number of random orientations for each grid [default: as many as the budget allows, up to 8]
    #[arg(long, value_name = "N", value_parser = positive)]
    orientations: Option<usize>,

    #[command(flatten)]
    time: TimeLimit,

    #[command(flatten)]
    running: Options<Running>,
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

A few structures are enough. Ctrl-C (exit code 130) or --max-seconds (exit code 124) end the measurement early and print
the results so far. docs/check.md explains the output and the keys of --json.";

/// Runs the command.
pub fn command(arguments: &Arguments, library: Option<PathBuf>) -> Result<ExitCode> {
    let settings = arguments.running.settings(library)?;
    let target = arguments.target()?;
    // Refuse an unknown reference before a long load,
    Plan::budget_plans(&[], 0.0, arguments.reference, arguments.orientations)?;
    // and a report that cannot be written.
    let page = arguments.report.as_deref().map(Output::create).transpose()?;
    let interrupt = Shutdown::by_signals().map_err(|source| Error::Signals { source })?;
    let cancel = Cancel::default();
    interrupt.ends(&cancel);
    arguments.time.watch(&interrupt);
    let mut potential = load(&arguments.model, &settings)?;
    let (given, info) = (arguments.structures.clone(), potential.info().clone());
    let structures = reading(&cancel, move || structures::named(given.as_deref(), &info))?;
    let card = info::rows(&potential, &arguments.model);
    let forces = Policy::new(&settings, potential.info())?.forces;
    potential.watch(&cancel);
    let mut check = Check { arguments, potential, forces, settings, interrupt: Arc::clone(&interrupt) };
    match Findings::new(check.measure(structures)?, target, arguments.conditions())? {
        Some(findings) => arguments.tell(&findings, &card, page)?,
        None if interrupt.late() => say(
            "error: the time was up before the first structure was done: raise --max-seconds, or make the measurement \
             shorter with --budget, --reference or --orientations",
        ),
        None => say("error: interrupted before the first structure was done"),
    }
    Ok(match interrupt.asked() {
        true if interrupt.late() => ExitCode::from(LATE),
        true => ExitCode::from(130),
        false => ExitCode::SUCCESS,
    })
}

/// A structure ready to be measured.
struct Task {
    name: String,
    graph: Graph,
    /// Time of one evaluation.
    seconds: f64,
    plan: Plan,
}

/// A model under test.
struct Check<'a> {
    arguments: &'a Arguments,
    potential: OnnxPotential,
    forces: Forces,
    settings: Settings,
    interrupt: Arc<Shutdown>,
}

impl Check<'_> {
    /// Measures the structures; fewer than all if it was interrupted.
    fn measure(&mut self, structures: Vec<Named>) -> Result<Vec<(String, Measured)>> {
        let Some(tasks) = until_interrupted(self.tasks(structures))? else { return Ok(Vec::new()) };
        let bar = progress(&tasks)?;
        let mut all = Vec::new();
        for (index, Task { name, graph, plan, seconds }) in tasks.into_iter().enumerate() {
            bar.set_message(name.clone());
            let seed = self.settings.seed;
            let told = |evaluations| bar.inc(microseconds(evaluations, seconds));
            let measured = self.bench(index, told, |bench| measure(bench, &graph, plan, seed));
            let Some(measured) = until_interrupted(measured)? else { break };
            all.push((name, measured));
        }
        bar.finish_and_clear();
        Ok(all)
    }

    /// Finds neighbors, times an evaluation of each structure, and plans.
    fn tasks(&mut self, structures: Vec<Named>) -> Result<Vec<Task>> {
        let mut timed = Vec::new();
        for (index, (name, system)) in structures.into_iter().enumerate() {
            let info = self.potential.info();
            let known = info.check_species(&system.species);
            let limits = self.potential.limits(self.settings.memory_mb << 20);
            let list = NeighborList::new(info.cutoff, 0.0).under(self.settings.conditions);
            let mut list = list.within(limits.workers, limits.memory);
            let graph = known.and_then(|()| info.check(list.graph(&system)?)).map(|()| list.into_last());
            let graph = graph.map_err(|error| self.arguments.located(index, error.into()))?;
            let seconds = self.bench(index, |_| (), |bench| bench.seconds(&graph, TRIAL))?;
            timed.push((name, graph, seconds));
        }
        let seconds: Vec<_> = timed.iter().map(|(.., seconds)| *seconds).collect();
        let Arguments { budget, reference, orientations, .. } = *self.arguments;
        let plans = Plan::budget_plans(&seconds, budget, reference, orientations)?.into_iter();
        Ok(timed
            .into_iter()
            .zip(plans)
            .map(|((name, graph, seconds), plan)| Task { name, graph, seconds, plan })
            .collect())
    }

    /// Runs a function with the model; adds the structure to its errors.
    fn bench<T>(
        &mut self,
        index: usize,
        told: impl Fn(usize),
        run: impl FnOnce(&mut Evaluator) -> tumble_check::Result<T>,
    ) -> Result<T> {
        let interrupt = Arc::clone(&self.interrupt);
        let mut watch = |evaluations| {
            told(evaluations);
            !interrupt.asked()
        };
        let mut bench = Evaluator::new(&mut self.potential, self.forces, self.settings.memory_mb << 20, &mut watch)?;
        run(&mut bench).map_err(Error::from).map_err(|error| match error {
            error if error.is_interruption() => error,
            error => self.arguments.located(index, error),
        })
    }
}

/// Turns an interruption into None.
fn until_interrupted<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.is_interruption() => Ok(None),
        other => other.map(Some),
    }
}

fn microseconds(evaluations: usize, seconds: f64) -> u64 {
    (1e6 * evaluations as f64 * seconds) as u64
}

/// Progress bar over the expected time.
fn progress(tasks: &[Task]) -> Result<ProgressBar> {
    let times = tasks.iter().map(|task| Ok(microseconds(task.plan.evaluations()?, task.seconds)));
    Ok(shown(ProgressBar::new(times.sum::<Result<u64>>()?), "{bar:30} {percent}%, {eta} left, {msg}"))
}

impl Arguments {
    /// Adds the number of the frame to an error; an error in the built-in water is unchanged.
    fn located(&self, index: usize, error: Error) -> Error {
        structures::located(self.structures.as_deref(), index, error)
    }

    /// Returns the target. If only one quantity is given, the other has no limit.
    fn target(&self) -> Result<Target> {
        if self.target.is_empty() {
            return Ok(Target::default());
        }
        let of = |what, name| {
            let mut values = self.target.iter().filter(|(quantity, _)| *quantity == what);
            match (values.next(), values.next()) {
                (_, Some(_)) => {
                    let problem = format!("gives {name} twice: leave one of them out");
                    Err(tumble_core::Error::Argument { name: "--target", problem })
                }
                (given, None) => Ok(given.map_or(f64::INFINITY, |(_, value)| 1e-3 * value)),
            }
        };
        Ok(Target { energy: of(Quantity::Energy, "energy")?, forces: of(Quantity::Forces, "forces")? })
    }

    fn conditions(&self) -> Conditions {
        Conditions { timestep: self.timestep, temperature: self.temperature }
    }

    /// Prints the findings and writes the report.
    fn tell(&self, findings: &Findings, card: &[(&'static str, String)], page: Option<Output>) -> Result<()> {
        let model = self.model.display().to_string();
        let text = if self.json {
            format!("{}\n", json::document(findings, card, &model)?)
        } else {
            text::text(findings, &model)?
        };
        let printed = written(STDOUT, io::stdout().lock().write_all(text.as_bytes()));
        if let Some(mut page) = page {
            let html = report::page(findings, card, &model)?;
            // The results are printed already, so a failed report is only a warning.
            let result = page.put(|out| out.write_all(html.as_bytes())).and_then(|()| page.finish());
            result.unwrap_or_else(|error| say(&format!("warning: {error}")));
        }
        printed
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

fn degree(text: &str) -> Result<usize, String> {
    let degree = text.strip_prefix("degree:").and_then(|number| number.parse().ok());
    degree.filter(|degree| *degree > 1).ok_or_else(|| "must be degree:N, with N from 2".into())
}
