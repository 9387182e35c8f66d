//! One step of the pair style: the evaluation, and the measures of broken symmetry.

use tumble_core::calculator::{Calculator, Detail, Evaluation, Phase};
use tumble_core::diagnostics::{Probes, Shares};
use tumble_core::graph::Graph;
use tumble_core::panics::guarded;

use crate::fold::Folded;

/// Replicas from which a mitigation's own spread is as good as a survey's.
const ENOUGH: usize = 12;

/// Fewest replicas with a meaningful spread; two are usually a structure and its inversion.
const FEWEST: usize = 3;

/// Options of a step.
#[derive(Clone, Debug)]
pub struct StepOptions {
    /// Number of the step.
    pub step: u64,
    /// Phase of multiple time stepping.
    pub phase: Phase,
    /// Whether the averaged edge gradients are needed.
    pub edge_gradients: bool,
    /// Whether to spend evaluations on measuring spread and noise.
    pub survey: bool,
    /// Atoms for the comparison of forces; `None` to measure nothing.
    pub probes: Option<Probes>,
}

/// Results of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Energy, forces and virial for LAMMPS.
    pub evaluation: Evaluation,
    /// Standard deviation over replicas of the energy of each center `[C]`, eV; `None` if unknown.
    pub spreads: Option<Vec<f64>>,
    /// Number of evaluations of the model, surveys included.
    pub evaluations: usize,
    /// This rank's share of the measures; `None` without probes.
    pub shares: Option<Shares>,
}

/// A step to be evaluated.
#[derive(Debug)]
pub struct StepTask {
    /// The rank's graph.
    pub folded: Folded,
    /// Options.
    pub options: StepOptions,
}

/// An evaluated step.
#[derive(Debug)]
pub struct Done {
    /// The rank's graph.
    pub folded: Folded,
    /// Results.
    pub outcome: tumble_core::Result<Outcome>,
    /// Seconds inside the model.
    pub model_seconds: f64,
}

impl StepTask {
    /// Evaluates the step.
    pub fn run(mut self, calculator: &mut Calculator) -> Done {
        let before = calculator.model_seconds();
        let outcome = guarded(|| step(calculator, &self.folded.graph, &self.options));
        self.folded.graph.domain = None;
        Done { folded: self.folded, outcome, model_seconds: calculator.model_seconds() - before }
    }
}

/// Evaluates a graph and measures its broken symmetry.
///
/// # Errors
/// See [`Calculator::evaluate_in`].
pub fn step(calculator: &mut Calculator, graph: &Graph, options: &StepOptions) -> tumble_core::Result<Outcome> {
    let none = Probes::default();
    let probes = options.probes.as_ref().unwrap_or(&none);
    let detail = Detail { edge_gradients: options.edge_gradients, probes: &probes.nodes };
    let mut evaluation = calculator.evaluate_in(options.phase, graph, options.step, &detail)?;
    if !options.phase.is_exact() {
        // Those of the bare model would look like averages.
        evaluation.outputs.iter_mut().for_each(|output| output.values.fill(f64::NAN));
    }
    let replicas = calculator.mitigation().evaluations();
    let survey = match options.survey && replicas < ENOUGH {
        true => Some(calculator.survey(graph, options.step, &detail)?),
        false => None,
    };
    let draws = match options.survey && calculator.mitigation().is_random() {
        true => Some(calculator.two_draws(graph, options.step, &detail)?),
        false => None,
    };
    let own = (replicas >= FEWEST && options.phase.is_exact()).then_some(&evaluation);
    let spread = survey.as_ref().or(own);
    let shares = options.probes.as_ref().map(|probes| Shares::pack(&evaluation, spread, draws.as_ref(), probes));
    let extra = survey.iter().chain(draws.iter().flatten()).map(|other| other.evaluations).sum::<usize>();
    let (spreads, evaluations) = (spread.map(|e| e.spread.atomic_energies.clone()), evaluation.evaluations + extra);
    Ok(Outcome { evaluation, spreads, evaluations, shares })
}
