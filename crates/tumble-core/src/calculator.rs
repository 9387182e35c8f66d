//! The calculator, the entry point of every front end: evaluates a structure or a graph with a model and a policy.

use std::ops::ControlFlow;

pub use crate::average::{Evaluation, Spread};
use crate::average::{Request, average, average_job};
use crate::batch::Task;
use crate::beads::Beads;
use crate::cancel::Cancel;
use crate::conditions::Conditions;
use crate::error::Result;
use crate::graph::Graph;
use crate::many::{Model, checked, evaluate_many};
pub use crate::mts::{HeldCorrection, Phase};
use crate::mts::{respa_impulse, with_inner};
use crate::neighbors::NeighborList;
use crate::planner::Plan;
use crate::policy::Policy;
use crate::potential::{Forces, KeptEdges, ModelInfo, Potential};
use crate::quadrature::{Mitigation, Quadrature};
use crate::rotation::draw;
use crate::settings::Settings;
use crate::system::System;

/// Random stream for the rotation of a survey's grid; no mitigation draws from it.
const SURVEY_STREAM: u64 = u64::MAX;

/// Results to report beyond energy, forces and virial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail<'a> {
    /// Whether to return the averaged edge gradients.
    pub edge_gradients: bool,
    /// Probes: atoms whose forces are kept for each replica `[P]`.
    pub probes: &'a [usize],
}

/// A model with the policy that restores its rotational symmetry.
pub struct Calculator {
    potential: Box<dyn Potential>,
    policy: Policy,
    every: u64,
    held: Option<HeldCorrection>,
    memory: usize,
    /// Neighbor lists of [`Calculator::evaluate_system`] and, one per worker, of [`Calculator::evaluate_many`], kept to
    /// reuse their buffers.
    lists: Vec<NeighborList>,
    origin: String,
    notes: Vec<String>,
}

impl Calculator {
    /// A calculator for any potential.
    ///
    /// # Errors
    /// The errors of [`Policy::new`].
    pub fn new(potential: Box<dyn Potential>, settings: &Settings) -> Result<Self> {
        Ok(Self {
            policy: Policy::new(settings, potential.info())?,
            potential,
            every: settings.every,
            held: None,
            memory: settings.memory_mb << 20,
            lists: Vec::new(),
            origin: "built in".into(),
            notes: vec![],
        })
    }

    /// Sets the origin of the model and the [`Calculator::notes`] on it.
    pub fn with_origin(self, origin: String, notes: Vec<String>) -> Self {
        Self { origin, notes, ..self }
    }

    /// Returns the model's file and SHA-256, for logs: a flipped bit in a weight would load without an error.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns notes to the user on how the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the model's description of itself.
    pub fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    /// Returns the number of stages between which ranks can exchange messages.
    ///
    /// # Errors
    /// The reason why they cannot, as the rest of a sentence.
    pub fn stages(&self) -> std::result::Result<usize, String> {
        self.potential.stages()
    }

    /// Returns the number of members of a committee; 0 for a single model.
    pub fn members(&self) -> usize {
        self.potential.members()
    }

    /// Returns the mitigation: the rotations averaged over.
    pub fn mitigation(&self) -> &Mitigation {
        &self.policy.mitigation
    }

    /// Returns the conditions of structures that have none of their own.
    pub fn conditions(&self) -> Conditions {
        self.policy.conditions
    }

    /// Returns the number of evaluations of the model for each structure.
    pub fn evaluations(&self) -> usize {
        self.policy.evaluations()
    }

    /// Describes the policy in words: the evaluations at each step.
    pub fn policy(&self) -> String {
        let Policy { mitigation, forces, inner, correction, .. } = &self.policy;
        let average = format!("rotate {mitigation}: {} evaluation(s)", mitigation.evaluations());
        let (forces, inner, every) = (forces.name(), inner.name(), self.every);
        match (correction, every) {
            (true, _) => format!("{average}, less the bare model ({forces} minus {inner} forces)"),
            (_, 1) => format!("{average} a step, {forces} forces"),
            _ => format!("{average} every {every} steps ({forces} forces), the bare model between ({inner} forces)"),
        }
    }

    /// Returns the seconds spent inside the model so far.
    pub fn model_seconds(&self) -> f64 {
        self.potential.seconds()
    }

    /// Lets `cancel` end evaluations from now on, with [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn watch(&mut self, cancel: &Cancel) {
        self.potential.watch(cancel);
    }

    /// Sets how structures are numbered from now on: the steps given to the evaluations are then their numbers.
    pub fn set_beads(&mut self, beads: Beads) {
        self.policy.beads = beads;
    }

    /// Returns how structures are numbered.
    pub fn beads(&self) -> Beads {
        self.policy.beads
    }

    /// Evaluates a graph. Random rotations, if there are any, depend on the seed and `step` only: they are the same on
    /// every rank and in every run. A calculator for the correction returns averaged minus bare results.
    ///
    /// # Errors
    /// An element unknown to the model, results that are not finite, and the other errors of the potential.
    pub fn evaluate(&mut self, graph: &Graph, step: u64) -> Result<Evaluation> {
        let evaluation = self.evaluate_in(Phase::Averaged, graph, step, &Detail::default());
        evaluation.map_err(|error| error.of_structure(graph))
    }

    /// Builds the neighbor list of a structure and evaluates its graph as [`Calculator::evaluate`] does.
    ///
    /// # Errors
    /// The errors of [`Calculator::evaluate`] and of [`NeighborList::graph`].
    pub fn evaluate_system(&mut self, system: &System, step: u64) -> Result<Evaluation> {
        let mut lists = self.take_lists(1);
        let evaluation =
            checked(lists[0].graph(system), system, self.info()).and_then(|graph| self.evaluate(graph, step));
        self.lists = lists;
        evaluation
    }

    /// Evaluates many structures, each as [`Calculator::evaluate_system`] does at its step. Small structures share runs of
    /// the model, and each worker finds the neighbors of another structure. A result equals the result of the structure alone
    /// to the rounding of the model's precision.
    ///
    /// The results come portion by portion, in the order of the structures; `take` may end the evaluation after any
    /// portion. The memory of a portion is bounded.
    ///
    /// # Errors
    /// Each structure has a result of its own, with the errors of [`Calculator::evaluate_system`].
    pub fn evaluate_many(
        &mut self,
        structures: &[(&System, u64)],
        mut take: impl FnMut(Vec<Result<Evaluation>>) -> ControlFlow<()>,
    ) {
        if let [(system, step)] = structures {
            let _ = take(vec![self.evaluate_system(system, *step)]);
            return;
        }
        let mut lists = self.take_lists(self.potential.limits(self.memory).workers);
        let mut model = Model { potential: self.potential.as_mut(), policy: &self.policy, memory: self.memory };
        evaluate_many(&mut model, structures, &mut lists, take);
        self.lists = lists;
    }

    /// Takes the neighbor lists, at least `count`.
    fn take_lists(&mut self, count: usize) -> Vec<NeighborList> {
        let mut lists = std::mem::take(&mut self.lists);
        lists.resize_with(lists.len().max(count), || self.neighbor_list());
        lists
    }

    /// Returns a neighbor list with the model's cutoff, without a skin, and with the settings' threads, memory and
    /// conditions.
    pub fn neighbor_list(&self) -> NeighborList {
        let list = NeighborList::new(self.info().cutoff, 0.0).under(self.policy.conditions);
        list.within(self.potential.limits(self.memory).workers, self.memory)
    }

    /// Returns the plan of [`Calculator::evaluate`] for a graph.
    pub fn plan(&self, graph: &Graph, step: u64) -> Plan {
        let request = self.request(self.policy.forces, &Detail::default());
        Task { graph, policy: &self.policy, step }.job(&request).plan(self.potential.as_ref())
    }

    /// Counts the edges of a graph that the model keeps; see [`Potential::kept_edges`].
    ///
    /// # Errors
    /// The errors of [`Calculator::evaluate`].
    pub fn kept_edges(&mut self, graph: &Graph) -> Result<Option<KeptEdges>> {
        self.potential.kept_edges(graph)
    }

    /// Returns the phase of a step of the integrator; `exact` asks for averaged energies even at a step that needs bare
    /// forces only.
    pub fn phase(&self, step: u64, exact: bool) -> Phase {
        Phase::of(step, self.every, exact)
    }

    /// Evaluates a graph for one phase of multiple time stepping; see [`Phase`].
    ///
    /// # Errors
    /// The errors of [`Calculator::evaluate`].
    pub fn evaluate_in(&mut self, phase: Phase, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        match phase {
            _ if self.policy.correction => self.whole(graph, step, detail),
            Phase::Averaged => self.whole(graph, step, detail),
            Phase::Outer => self.outer(graph, step, detail),
            Phase::Inner | Phase::InnerExact => self.inner(phase, graph, step, detail),
        }
    }

    fn outer(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let (averaged, bare) = self.averaged_and_bare(graph, step, detail)?;
        self.held = Some(HeldCorrection::new(&averaged, &bare));
        Ok(respa_impulse(averaged, &bare, self.every))
    }

    /// Evaluates an inner step. The average, if due, has a run of its own, although a batch of both would be cheaper:
    /// the last digits may differ in a batch, and output must not change the trajectory.
    fn inner(&mut self, phase: Phase, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let mut inner = self.bare(graph, detail)?;
        // A run that begins at an inner step has no correction yet.
        let due = phase.is_exact() || self.held.is_none();
        let averaged = if due { Some(self.whole(graph, step, detail)?) } else { None };
        if let (None, Some(averaged)) = (self.held, &averaged) {
            self.held = Some(HeldCorrection::new(averaged, &inner));
        }
        inner.virial = self.held.and_then(|held| held.corrected(inner.virial));
        Ok(match averaged {
            Some(averaged) => with_inner(averaged, inner),
            None => inner,
        })
    }

    /// Returns the correction held from the last outer step, for a restart.
    pub fn held(&self) -> Option<HeldCorrection> {
        self.held
    }

    /// Sets the held correction, as after a restart; `None`: the next step computes it.
    pub fn hold(&mut self, correction: Option<HeldCorrection>) {
        self.held = correction;
    }

    /// Evaluates the averaged model twice, with random rotations independent of each other and of
    /// [`Calculator::evaluate`] at the same step: their difference is the noise of a random mitigation.
    ///
    /// # Errors
    /// The errors of [`Calculator::evaluate`].
    pub fn two_draws(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<[Evaluation; 2]> {
        let seed = !self.policy.seed;
        let request = self.request(self.policy.forces, detail);
        let mut draw = |seed| -> Result<Evaluation> {
            let policy = Policy { seed, ..self.policy.clone() };
            let job = Task { graph, policy: &policy, step }.averaged(&request);
            Ok(average_job(self.potential.as_mut(), &job)?.0)
        };
        Ok([draw(seed)?, draw(seed ^ (1 << 32))?])
    }

    /// Evaluates the average over a small grid, randomly rotated, to measure its spread.
    ///
    /// # Errors
    /// The errors of [`Calculator::evaluate`].
    pub fn survey(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let turn = draw(!self.policy.seed, step, SURVEY_STREAM);
        let request = self.request(self.policy.forces, detail);
        average(self.potential.as_mut(), graph, &Quadrature::tetrahedral().rotated(&turn), &request)
    }

    /// Evaluates the policy's average, or its correction.
    fn whole(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let request = self.request(self.policy.forces, detail);
        Task { graph, policy: &self.policy, step }.evaluate(self.potential.as_mut(), &request)
    }

    fn bare(&mut self, graph: &Graph, detail: &Detail) -> Result<Evaluation> {
        let request = self.request(self.policy.inner, detail);
        average(self.potential.as_mut(), graph, &Quadrature::identity(), &request)
    }

    fn averaged_and_bare(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<(Evaluation, Evaluation)> {
        let request = self.request(self.policy.forces, detail);
        let job = Task { graph, policy: &self.policy, step }.averaged_and_bare(&request);
        average_job(self.potential.as_mut(), &job)
    }

    fn request<'a>(&self, forces: Forces, detail: &Detail<'a>) -> Request<'a> {
        Request { forces, memory: self.memory, edge_gradients: detail.edge_gradients, probes: detail.probes }
    }
}
