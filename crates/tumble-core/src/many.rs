//! Many structures of one policy: the workers find the neighbors of different structures, and the replicas of several
//! structures are packed into as few runs of the model as memory and padding allow.
//!
//! A run costs several times as much as the atoms of a small molecule in it, so molecules that are evaluated one by one
//! wait mostly for what every run costs. They are therefore evaluated in portions: as many structures as keep all
//! workers busy for a moment, in the order given, so that results come while later structures are still to do.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::average::Evaluation;
use crate::batch::{Task, evaluate_together};
use crate::error::Result;
use crate::graph::Graph;
use crate::neighbors::{MIN_PARALLEL, NeighborList};
use crate::parallel::{distribute, in_order};
use crate::policy::Policy;
use crate::potential::{ModelInfo, Potential};
use crate::potential_plan::bytes_per_replica;
use crate::system::System;

/// Memory of graphs that wait for their evaluation, bytes; one wave may exceed it.
const GRAPH_BYTES: usize = 64 << 20;

/// Cost of a portion, in units of the most that a short evaluation may cost: with more, workers wait less for each other
/// at the end of a portion; with less, results come earlier.
const SHORT_EVALUATIONS: usize = 1;

/// A structure and its step.
pub(crate) type Structure<'a> = (&'a System, u64);

/// A model with a policy, and the memory for its runs in bytes.
pub(crate) struct Model<'a> {
    pub potential: &'a mut dyn Potential,
    pub policy: &'a Policy,
    pub memory: usize,
}

/// A structure whose neighbors have been found.
struct Found {
    graph: Result<Graph>,
    /// Working memory of all its replicas, bytes: a measure of the time of its evaluation.
    cost: usize,
}

impl Found {
    fn task<'a>(&'a self, policy: &'a Policy, step: u64) -> Option<Task<'a>> {
        Some(Task { graph: self.graph.as_ref().ok()?, policy, step })
    }
}

/// Evaluates structures, with one neighbor list for each worker; see
/// [`Calculator::evaluate_many`](crate::Calculator::evaluate_many).
pub(crate) fn evaluate_many(
    model: &mut Model,
    structures: &[Structure],
    lists: &mut [NeighborList],
    mut take: impl FnMut(Vec<Result<Evaluation>>) -> ControlFlow<()>,
) {
    let (mut waiting, mut rest) = (VecDeque::new(), structures);
    while !rest.is_empty() {
        while waiting.len() < rest.len() && !model.has_enough(&waiting) {
            let next = &rest[waiting.len()..];
            waiting.extend(model.wave(&next[..wave_length(next)], lists));
        }
        let portion: Vec<_> = waiting.drain(..model.portion(&waiting)).collect();
        let (these, others) = rest.split_at(portion.len());
        if take(model.evaluate(these, portion)).is_break() {
            return;
        }
        rest = others;
    }
}

/// Returns the number of structures whose neighbors are found at the same time: few enough atoms that their graphs are
/// small, or a single structure, for which its list starts threads.
fn wave_length(structures: &[Structure]) -> usize {
    let mut atoms = 0;
    let fits = |(system, _): &&Structure| {
        atoms += system.len();
        atoms < MIN_PARALLEL
    };
    structures.iter().take_while(fits).count().max(1)
}

/// Returns the result of a search for neighbors. The evaluation checks the species; if there is no graph to evaluate, an
/// unknown species is still reported first.
pub(crate) fn checked<T>(found: Result<T>, system: &System, info: &ModelInfo) -> Result<T> {
    found.or_else(|error| info.check_species(&system.species).and(Err(error)))
}

impl Model<'_> {
    /// Finds the neighbors of the structures, each on the next free worker.
    fn wave(&self, structures: &[Structure], lists: &mut [NeighborList]) -> Vec<Found> {
        let (workers, info) = (lists.iter_mut().take(structures.len()), self.potential.info());
        let graph = |list: &mut &mut NeighborList, number: usize| {
            let system = structures[number].0;
            Ok(checked(list.graph(system).map(drop), system, info).map(|()| list.take_last()))
        };
        let graphs = distribute(workers, structures.len(), graph).expect("a failed search is a result");
        in_order(graphs).map(|graph| Found { cost: self.cost(&graph), graph }).collect()
    }

    fn cost(&self, graph: &Result<Graph>) -> usize {
        let bytes = graph.as_ref().map_or(0, |graph| bytes_per_replica(self.potential, graph));
        bytes.saturating_mul(self.policy.evaluations())
    }

    /// Whether enough structures wait for a portion, or as many as memory allows.
    fn has_enough(&self, waiting: &VecDeque<Found>) -> bool {
        let bytes: usize = waiting.iter().flat_map(|found| &found.graph).map(Graph::bytes).sum();
        bytes >= GRAPH_BYTES || self.portion(waiting) < waiting.len()
    }

    /// Returns the number of structures in the next portion, at least one.
    fn portion(&self, waiting: &VecDeque<Found>) -> usize {
        let limit = SHORT_EVALUATIONS.saturating_mul(self.potential.limits(self.memory).short_evaluation_bytes());
        let mut cost = 0_usize;
        let fits = |found: &&Found| {
            cost = cost.saturating_add(found.cost);
            cost <= limit
        };
        waiting.iter().take_while(fits).count().max(1)
    }

    fn evaluate(&mut self, structures: &[Structure], portion: Vec<Found>) -> Vec<Result<Evaluation>> {
        let tasks = portion.iter().zip(structures).filter_map(|(found, (_, step))| found.task(self.policy, *step));
        let tasks: Vec<_> = tasks.collect();
        let mut evaluated = evaluate_together(self.potential, &tasks, self.memory).into_iter();
        let result = |found: Found| match found.graph {
            Ok(_) => evaluated.next().expect("there is a result for each task"),
            Err(error) => Err(error),
        };
        portion.into_iter().map(result).collect()
    }
}
