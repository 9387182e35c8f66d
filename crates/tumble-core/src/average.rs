//! Averages a model over rotations: rotates the graph, evaluates, rotates back, averages with the weights of a
//! quadrature, and measures the spread.

mod deviations;
mod job;
mod members;
mod moments;
mod sample;
mod shared;

use std::borrow::Cow;

pub use self::deviations::{energy_deviation, force_deviations};
use self::job::Progress;
pub(crate) use self::job::{Bare, Job};
pub use self::members::Members;
pub use self::sample::Sample;
pub(crate) use self::shared::average_jobs;
use crate::blocks::Blocks;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::outputs::AveragedOutput;
use crate::planner::{GraphSize, Plan, Work};
use crate::potential::{Forces, Potential};
use crate::potential_plan::plan_for;
use crate::quadrature::Quadrature;
use crate::rotation::{Matrix3, Vector3, root_mean_square};

/// Energy and its derivatives, averaged over rotations; laboratory frame, eV and Å.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Energy, Σ weights · atomic energies, eV. Under domain decomposition: this rank's share.
    pub energy: f64,
    /// Energy of each center, reference energies included `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Forces on all atoms of the graph `[N]`, eV/Å. Under domain decomposition, forces on ghosts must be
    /// added to the forces on their atoms.
    pub forces: Vec<Vector3>,
    /// Virial, -dU/d(strain), symmetrized, eV; `None` if a direct-force model gives no stress.
    pub virial: Option<Matrix3>,
    /// Torque that the model exerts on the whole system, eV: the antisymmetric part that symmetrizing the virial
    /// discards; zero for an exactly invariant model.
    pub torque: Vector3,
    /// Edge gradients, dU/d(edge vector) `[E]`, eV/Å; empty unless requested, and for direct forces.
    pub edge_gradients: Vec<Vector3>,
    /// Energy of each center from each member of the model's ensemble, reference energies included `[M][C]`, eV; empty
    /// if the model has no ensemble.
    pub ensemble_energies: Vec<Vec<f64>>,
    /// The model's other outputs, as charges or a dipole.
    pub outputs: Vec<AveragedOutput>,
    /// Forces and virials of the members of a committee.
    pub members: Members,
    /// Standard deviations over the replicas.
    pub spread: Spread,
    /// Energy of each replica in the order of the quadrature, reference energies included, eV.
    pub replica_energies: Vec<f64>,
    /// Weight of each replica `[R]`, sum 1.
    pub replica_weights: Vec<f64>,
    /// Forces of each replica on the requested probes `[R][P]`, eV/Å.
    pub probe_forces: Vec<Vec<Vector3>>,
    /// Number of replicas evaluated.
    pub evaluations: usize,
}

/// Weighted standard deviations over replicas, units as in [`Evaluation`]; all zero for a single replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// Standard deviation of the energy, eV.
    pub energy: f64,
    /// Standard deviation of the energy of each center `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Standard deviation of each component of the forces `[N]`, eV/Å.
    pub forces: Vec<Vector3>,
    /// Standard deviation of each component of the virial, eV.
    pub virial: Option<Matrix3>,
}

impl Evaluation {
    /// Whether there was more than one replica, and therefore a spread.
    pub fn replicated(&self) -> bool {
        self.replica_energies.len() > 1
    }

    /// Returns the standard deviation over the ensemble of each center's energy `[C]`, eV, with the divisor M - 1 of a
    /// sample; empty if the model has no ensemble.
    pub fn uncertainty(&self) -> Vec<f64> {
        let (members, centers) = (&self.ensemble_energies, self.atomic_energies.len());
        let of = |c: usize| sample_deviation(&members.iter().map(|member| member[c]).collect::<Vec<_>>());
        if members.is_empty() { Vec::new() } else { (0..centers).map(of).collect() }
    }
}

fn sample_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
}

impl Spread {
    /// Root mean square over all components of the forces, eV/Å.
    pub fn force_rms(&self) -> f64 {
        root_mean_square(&self.forces)
    }
}

/// Options of an evaluation: the kind of forces, memory, and results beyond energy, forces and virial.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Kind of forces.
    pub forces: Forces,
    /// Limit on the model's working memory, bytes. A replica that needs more is evaluated in blocks of centers.
    pub memory: usize,
    /// Whether to return the edge gradients.
    pub edge_gradients: bool,
    /// Atoms whose forces are kept for each replica `[P]`.
    pub probes: &'a [usize],
}

impl Request<'_> {
    /// A request for energy, forces and virial only.
    pub fn new(forces: Forces, memory: usize) -> Self {
        Self { forces, memory, edge_gradients: false, probes: &[] }
    }
}

/// Evaluates the graph at every rotation of the quadrature and averages. The quadrature fixes the order of all sums, so
/// two runs agree to the last bit.
///
/// # Errors
/// The errors of the potential, and of a species unknown to it.
pub fn average(
    potential: &mut dyn Potential,
    graph: &Graph,
    quadrature: &Quadrature,
    request: &Request,
) -> Result<Evaluation> {
    let quadrature = Cow::Borrowed(quadrature);
    Ok(average_job(potential, &Job { graph, quadrature, request: *request, bare: Bare::None })?.0)
}

/// Evaluates a job as [`average`] does, and also returns the evaluation of the bare model; it is empty if the job does
/// not ask for it.
///
/// # Errors
/// The errors of [`average`].
pub(crate) fn average_job(potential: &mut dyn Potential, job: &Job) -> Result<(Evaluation, Evaluation)> {
    potential.info().check(job.graph)?;
    average_checked(potential, job)
}

/// Evaluates a job as [`average_job`] does, without checking the graph.
fn average_checked(potential: &mut dyn Potential, job: &Job) -> Result<(Evaluation, Evaluation)> {
    let mut progress = Progress::new(job);
    if job.is_void() {
        progress.take_nothing(potential.info());
        return Ok(progress.finish(potential.info()));
    }
    let plan = job.plan_with_ranks(potential)?;
    let blocks = blocks_of(&plan, potential, job.graph, job.request.memory)?;
    for batch in plan.batches {
        for share in batch.shares {
            let rotations = job.rotations(share.replicas.clone());
            let responses = blocks.evaluate(potential, job.graph, rotations, batch.forces)?;
            share.replicas.zip(responses).for_each(|(replica, response)| progress.take(replica, response));
        }
    }
    Ok(progress.finish(potential.info()))
}

/// Returns the blocks of a graph according to its plan: the whole graph, or a cut into blocks.
fn blocks_of(plan: &Plan, potential: &dyn Potential, graph: &Graph, memory: usize) -> Result<Blocks> {
    if plan.is_in_blocks() { Blocks::cut(graph, potential, memory) } else { Ok(Blocks::whole()) }
}

/// Evaluates the graph at these rotations and passes each replica, rotated back, to `take`, batch by batch and in
/// order.
///
/// # Errors
/// The errors of [`average`] and of `take`.
pub fn samples<E: From<Error>>(
    potential: &mut dyn Potential,
    graph: &Graph,
    rotations: &[Matrix3],
    request: &Request,
    mut take: impl FnMut(Vec<Sample>) -> Result<(), E>,
) -> Result<(), E> {
    potential.info().check(graph)?;
    let wanted = [(request.forces, 0..rotations.len())];
    let plan = plan_for(potential, &[Work { size: GraphSize::of(graph), replicas: wanted.to_vec() }], request.memory);
    let blocks = blocks_of(&plan, potential, graph, request.memory)?;
    for share in plan.batches.into_iter().flat_map(|batch| batch.shares) {
        let rotations = &rotations[share.replicas];
        let responses = blocks.evaluate(potential, graph, rotations, request.forces)?;
        let samples = responses.into_iter().zip(rotations);
        take(samples.map(|(response, r)| Sample::new(graph, response, r, request)).collect())?;
    }
    Ok(())
}
