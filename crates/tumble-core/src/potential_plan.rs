//! What the planner says for a certain potential.

use crate::graph::Graph;
use crate::planner::{GraphSize, ModelCosts, Part, Plan, Unopened, Work, plan};
use crate::potential::{Potential, Replicas};

impl Part {
    /// What is to be planned of replicas.
    pub fn of(replicas: &Replicas) -> Self {
        Self { size: GraphSize::of(replicas.graph), rotations: replicas.rotations.len() }
    }
}

/// An answer that a potential's costs give: where one depends on a level that is not open, it is opened first.
pub fn query_costs<T>(potential: &dyn Potential, ask: impl Fn(&ModelCosts) -> Result<T, Unopened>) -> T {
    let mut found = ask(&potential.costs(None));
    loop {
        match found {
            Ok(answer) => return answer,
            Err(Unopened(level)) => found = ask(&potential.costs(Some(level))),
        }
    }
}

/// How the potential does the work, with so much memory for it, bytes.
pub fn plan_for(potential: &dyn Potential, work: &[Work], memory: usize) -> Plan {
    let limits = potential.limits(memory);
    query_costs(potential, |costs| plan(work, costs, &limits))
}

/// Working memory that one replica of the graph takes by itself, bytes; an estimate.
pub fn bytes_per_replica(potential: &dyn Potential, graph: &Graph) -> usize {
    let (size, workers) = (GraphSize::of(graph), potential.limits(0).workers);
    query_costs(potential, |costs| costs.bytes(size, workers))
}
