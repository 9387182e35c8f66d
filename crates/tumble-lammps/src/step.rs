//! One step of the pair style: the evaluation, and what is measured besides.

use tumble_core::calculator::{Calculator, Detail, Evaluation, Phase};
use tumble_core::diagnostics::{Probes, Shares};
use tumble_core::graph::Graph;

/// From so many replicas on, a mitigation's own spread is as good as that of a survey.
const ENOUGH: usize = 12;

/// With fewer replicas there is no spread to speak of; two are usually a structure and its inversion.
const FEWEST: usize = 3;

/// What is wanted of a step.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Number of the step.
    pub step: u64,
    /// What is due in multiple time stepping.
    pub phase: Phase,
    /// Whether the averaged edge gradients are needed.
    pub edge_gradients: bool,
    /// Whether to spend evaluations on measuring spread and noise.
    pub survey: bool,
    /// Whose forces are compared; `None` if nothing is to be measured.
    pub probes: Option<&'a Probes>,
}

/// What a step has given.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Energy, forces and virial for LAMMPS.
    pub evaluation: Evaluation,
    /// Standard deviation over replicas of the energy of each center `[C]`, eV, where known.
    pub spreads: Option<Vec<f64>>,
    /// Number of evaluations of the model, surveys included.
    pub evaluations: usize,
    /// This rank's share of what was measured.
    pub shares: Option<Shares>,
}

/// Evaluates and measures.
///
/// # Errors
/// Those of [`Calculator::evaluate_in`].
pub fn step(calculator: &mut Calculator, graph: &Graph, wanted: &Wanted) -> tumble_core::Result<Outcome> {
    let none = Probes::default();
    let probes = wanted.probes.unwrap_or(&none);
    let detail = Detail { edge_gradients: wanted.edge_gradients, probes: &probes.nodes };
    let evaluation = calculator.evaluate_in(wanted.phase, graph, wanted.step, &detail)?;
    let replicas = calculator.mitigation().evaluations();
    let survey = match wanted.survey && replicas < ENOUGH {
        true => Some(calculator.survey(graph, wanted.step, &detail)?),
        false => None,
    };
    let draws = match wanted.survey && calculator.mitigation().is_random() {
        true => Some(calculator.two_draws(graph, wanted.step, &detail)?),
        false => None,
    };
    let own = (replicas >= FEWEST && wanted.phase.is_exact()).then_some(&evaluation);
    let spread = survey.as_ref().or(own);
    let shares = wanted.probes.map(|probes| Shares::pack(&evaluation, spread, draws.as_ref(), probes));
    let extra = survey.iter().chain(draws.iter().flatten()).map(|other| other.evaluations).sum::<usize>();
    let (spreads, evaluations) = (spread.map(|e| e.spread.atomic_energies.clone()), evaluation.evaluations + extra);
    Ok(Outcome { evaluation, spreads, evaluations, shares })
}
