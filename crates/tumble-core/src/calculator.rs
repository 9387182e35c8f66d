//! The one entry that every front end uses: a structure or a graph in, an averaged evaluation out.

pub use crate::average::{Evaluation, Spread};
use crate::average::{Request, average, average_job};
use crate::batch::Task;
use crate::cancel::Cancel;
use crate::error::Result;
use crate::graph::Graph;
pub use crate::mts::{HeldCorrection, Phase};
use crate::mts::{respa_impulse, with_inner};
use crate::neighbors::NeighborList;
use crate::planner::Plan;
use crate::policy::Policy;
use crate::potential::{Forces, ModelInfo, Potential};
use crate::quadrature::{Mitigation, Quadrature};
use crate::rotation::draw;
use crate::settings::Settings;
use crate::system::System;

/// Stream of the rotation of a survey's grid: none of those that a mitigation draws from.
const SURVEY_STREAM: u64 = u64::MAX;

/// What to report beyond energy, forces and virial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail<'a> {
    /// Whether to give the averaged edge gradients.
    pub edge_gradients: bool,
    /// Atoms of which the forces of each replica are kept `[P]`.
    pub probes: &'a [usize],
}

/// A model with the policy by which its symmetry is mended.
pub struct Calculator {
    potential: Box<dyn Potential>,
    policy: Policy,
    every: u64,
    held: Option<HeldCorrection>,
    memory: usize,
    /// Of [`Calculator::evaluate_system`], whose memory it keeps.
    list: Option<NeighborList>,
    origin: String,
    notes: Vec<String>,
}

impl Calculator {
    /// A calculator for any potential.
    ///
    /// # Errors
    /// Those of [`Policy::new`].
    pub fn new(potential: Box<dyn Potential>, settings: &Settings) -> Result<Self> {
        Ok(Self {
            policy: Policy::new(settings, potential.info())?,
            potential,
            every: settings.every,
            held: None,
            memory: settings.memory_mb << 20,
            list: None,
            origin: "built in".into(),
            notes: vec![],
        })
    }

    /// The same with the origin of the model's file and the [`Calculator::notes`] on it.
    pub fn with_origin(self, origin: String, notes: Vec<String>) -> Self {
        Self { origin, notes, ..self }
    }

    /// Where the model comes from, for logs: file and SHA-256, since a flipped bit in a weight loads without complaint.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the user should know of how the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the model says of itself.
    pub fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    /// Which rotations are averaged over.
    pub fn mitigation(&self) -> &Mitigation {
        &self.policy.mitigation
    }

    /// What is evaluated at which step, in words.
    pub fn policy(&self) -> String {
        let Policy { mitigation, forces, inner, correction, .. } = &self.policy;
        let inversion = if mitigation.inversion() { " with inversion" } else { "" };
        let what = format!("rotate {}{inversion}: {} evaluation(s)", mitigation.name(), mitigation.evaluations());
        let (forces, inner, every) = (forces.name(), inner.name(), self.every);
        match (correction, every) {
            (true, _) => format!("{what}, less the bare model ({forces} minus {inner} forces)"),
            (_, 1) => format!("{what} a step, {forces} forces"),
            _ => format!("{what} every {every} steps ({forces} forces), the bare model between ({inner} forces)"),
        }
    }

    /// Seconds spent inside the model so far.
    pub fn model_seconds(&self) -> f64 {
        self.potential.seconds()
    }

    /// Evaluations from now on end with [`Error::Cancelled`](crate::Error::Cancelled) when that is asked.
    pub fn watch(&mut self, cancel: &Cancel) {
        self.potential.watch(cancel);
    }

    /// Evaluates a graph. `step` chooses the random rotations, if there are any: the same (seed, step) is the same
    /// rotation, on every rank and in every run. In a calculator for the correction it is averaged minus bare.
    ///
    /// # Errors
    /// An element that the model does not know, or whatever keeps the model from giving finite numbers.
    pub fn evaluate(&mut self, graph: &Graph, step: u64) -> Result<Evaluation> {
        let evaluation = self.evaluate_in(Phase::Averaged, graph, step, &Detail::default());
        evaluation.map_err(|error| error.of_structure(graph))
    }

    /// Evaluates a structure; as [`Calculator::evaluate`], with the neighbor list made here.
    ///
    /// # Errors
    /// Those of [`Calculator::evaluate`], and of the neighbor list.
    pub fn evaluate_system(&mut self, system: &System, step: u64) -> Result<Evaluation> {
        let mut list = self.list.take().unwrap_or_else(|| self.neighbor_list());
        // The evaluation asks for the species; without a graph, an unknown one is still the error to tell first.
        let graph = list.graph(system).or_else(|error| self.info().check_species(&system.species).and(Err(error)));
        let evaluation = graph.and_then(|graph| self.evaluate(graph, step));
        self.list = Some(list);
        evaluation
    }

    /// A list of neighbors for structures of the model, without a skin, in the threads and the memory of the settings.
    pub fn neighbor_list(&self) -> NeighborList {
        NeighborList::new(self.info().cutoff, 0.0).within(self.potential.limits(self.memory).workers, self.memory)
    }

    /// How [`Calculator::evaluate`] evaluates a graph.
    pub fn plan(&self, graph: &Graph, step: u64) -> Plan {
        let request = self.request(self.policy.forces, &Detail::default());
        Task { graph, policy: &self.policy, step }.job(&request).plan(self.potential.as_ref())
    }

    /// The phase of a step of the integrator; `exact` asks for averaged energies even where only bare forces are due.
    pub fn phase(&self, step: u64, exact: bool) -> Phase {
        Phase::of(step, self.every, exact)
    }

    /// Evaluates a graph for one phase of multiple time stepping; see [`Phase`].
    ///
    /// # Errors
    /// Those of [`Calculator::evaluate`].
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

    /// The average, where one is due, is evaluated apart, though a batch of both would be cheaper: in a batch the last
    /// digits may differ, and output must not change the trajectory.
    fn inner(&mut self, phase: Phase, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let mut inner = self.bare(graph, detail)?;
        // Without a correction, as in a run that begins at an inner step, it must be found.
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

    /// The correction that is held from the last outer step, for a restart.
    pub fn held(&self) -> Option<HeldCorrection> {
        self.held
    }

    /// Holds a correction, as after a restart; `None`: it is found at the next step.
    pub fn hold(&mut self, correction: Option<HeldCorrection>) {
        self.held = correction;
    }

    /// The averaged model twice, with other random rotations than [`Calculator::evaluate`] has at the same step: how the
    /// two differ is the noise of a random mitigation.
    ///
    /// # Errors
    /// Those of [`Calculator::evaluate`].
    pub fn two_draws(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<[Evaluation; 2]> {
        let seed = !self.policy.seed;
        let request = self.request(self.policy.forces, detail);
        let mut draw = |seed| {
            let policy = Policy { seed, ..self.policy.clone() };
            let job = Task { graph, policy: &policy, step }.averaged(&request);
            Ok(average_job(self.potential.as_mut(), &job)?.0)
        };
        Ok([draw(seed)?, draw(seed ^ (1 << 32))?])
    }

    /// The average over a small grid, randomly turned, for the sake of its spread.
    ///
    /// # Errors
    /// Those of [`Calculator::evaluate`].
    pub fn survey(&mut self, graph: &Graph, step: u64, detail: &Detail) -> Result<Evaluation> {
        let turn = draw(!self.policy.seed, step, SURVEY_STREAM);
        let request = self.request(self.policy.forces, detail);
        average(self.potential.as_mut(), graph, &Quadrature::tetrahedral().rotated(&turn), &request)
    }

    /// What the policy asks for.
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
