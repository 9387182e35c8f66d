//! Plans for a given potential: the [`planner`](crate::planner) applied to its costs and limits.

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::least_megabytes::smallest;
use crate::planner::{GraphSize, ModelCosts, Part, Plan, Unopened, Work, batch_across_ranks, plan};
use crate::potential::{Potential, Replicas};

impl Part {
    /// Returns the sizes of replicas, as input of the planner.
    pub fn of(replicas: &Replicas) -> Self {
        Self { size: GraphSize::of(replicas.graph), rotations: replicas.rotations.len() }
    }
}

/// Evaluates a function of a potential's costs. If the function needs a level that is not open, the potential opens it,
/// and the function is evaluated again.
pub fn query_costs<T>(potential: &dyn Potential, ask: impl Fn(&ModelCosts) -> std::result::Result<T, Unopened>) -> T {
    let mut found = ask(&potential.costs(None));
    loop {
        match found {
            Ok(answer) => return answer,
            Err(Unopened(level)) => found = ask(&potential.costs(Some(level))),
        }
    }
}

/// Plans the work for a potential with `memory` bytes.
pub fn plan_for(potential: &dyn Potential, work: &[Work], memory: usize) -> Plan {
    let limits = potential.limits(memory);
    query_costs(potential, |costs| plan(work, costs, &limits))
}

/// Plans the work on one structure that several ranks share, for a potential with `memory` bytes: batches of the same
/// replicas on every rank. A collective call.
///
/// # Errors
/// [`Error::RankMemory`] if a replica needs more than `memory` on any rank, and [`Error::OtherRank`].
pub fn plan_across_ranks(potential: &dyn Potential, domain: &Domain, work: &Work, memory: usize) -> Result<Plan> {
    let limits = potential.limits(memory);
    let bytes = |memory| query_costs(potential, |costs| costs.within(memory).bytes(work.size, limits.workers));
    let needed = if bytes(memory) <= memory { 0 } else { smallest(memory, usize::MAX, |more| bytes(more) <= more) };
    let batch = query_costs(potential, |costs| batch_across_ranks(work.size, costs, &limits));
    let least = domain.ranks.least(vec![batch as f64, -(needed as f64)])?;
    match -least[1] {
        0.0 => Ok(Plan::in_batches(work, least[0] as usize, limits.workers)),
        needed => Err(Error::RankMemory { given: memory, needed: needed as usize }),
    }
}

/// Estimates the working memory of one replica of the graph by itself, bytes.
pub fn bytes_per_replica(potential: &dyn Potential, graph: &Graph) -> usize {
    let (size, workers) = (GraphSize::of(graph), potential.limits(0).workers);
    query_costs(potential, |costs| costs.bytes(size, workers))
}

/// Estimates the same for a potential that is opened with `memory` bytes.
pub fn bytes_per_replica_within(potential: &dyn Potential, graph: &Graph, memory: usize) -> usize {
    let (size, workers) = (GraphSize::of(graph), potential.limits(0).workers);
    query_costs(potential, |costs| costs.within(memory).bytes(size, workers))
}
