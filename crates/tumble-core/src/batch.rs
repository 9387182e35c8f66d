//! Structures of several simulations, each with its own policy, in as few runs of one model as possible.

use std::borrow::Cow;

use crate::average::{Alone, Evaluation, Job, Request, average_job, average_jobs};
use crate::error::Result;
use crate::graph::Graph;
use crate::mts::difference;
use crate::policy::Policy;
use crate::potential::Potential;
use crate::rotation::IDENTITY;

/// One structure of one simulation.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The structure.
    pub graph: &'a Graph,
    /// What the simulation wants.
    pub policy: &'a Policy,
    /// Chooses the random rotations, if there are any.
    pub step: u64,
}

/// Evaluates the tasks, in their order, each as [`Calculator::evaluate`](crate::Calculator::evaluate) does: exactly, or
/// to rounding in the precision of a model that computes them together. `memory` is what a run may take, bytes. One that
/// repeats the task before it, as i-PI's batches that it fills up do, gets a copy of its result, with 0 evaluations.
///
/// # Errors
/// For each task those that it has by itself: one that fails leaves the others alone.
pub fn evaluate_together(potential: &mut dyn Potential, tasks: &[Task], memory: usize) -> Vec<Result<Evaluation>> {
    let request = |task: &Task| Request::new(task.policy.forces, memory);
    let repeats = |i: usize| i > 0 && tasks[i].repeats(&tasks[i - 1]);
    let repeats: Vec<_> = (0..tasks.len()).map(repeats).collect();
    let new = tasks.iter().zip(&repeats).filter(|(_, repeats)| !**repeats);
    let jobs: Vec<_> = new.map(|(task, _)| task.job(&request(task))).collect();
    let mut new = average_jobs(potential, &jobs).into_iter();
    let mut results: Vec<Result<Evaluation>> = Vec::with_capacity(tasks.len());
    for (task, repeats) in tasks.iter().zip(repeats) {
        results.push(match results.last() {
            Some(Ok(before)) if repeats => Ok(Evaluation { evaluations: 0, ..before.clone() }),
            Some(Err(_)) if repeats => {
                task.evaluate(potential, &request(task)).map_err(|error| error.of_structure(task.graph))
            }
            _ => {
                let found = new.next().expect("there is a result for each job");
                found.map(|found| task.read(found)).map_err(|error| error.of_structure(task.graph))
            }
        });
    }
    results
}

impl<'a> Task<'a> {
    /// Whether it is the other one again.
    fn repeats(&self, other: &Self) -> bool {
        self.step == other.step && std::ptr::eq(self.policy, other.policy) && self.graph == other.graph
    }

    /// Evaluates this task alone; of the request the kind of forces is replaced by that of the policy, as everywhere
    /// below.
    pub(crate) fn evaluate(&self, potential: &mut dyn Potential, request: &Request<'a>) -> Result<Evaluation> {
        Ok(self.read(average_job(potential, &self.job(request))?))
    }

    /// The average.
    pub(crate) fn averaged(&self, request: &Request<'a>) -> Job<'a> {
        let quadrature = self.policy.mitigation.orientations(self.graph, self.policy.draw(self.step));
        let request = Request { forces: self.policy.forces, ..*request };
        Job { graph: self.graph, quadrature, request, alone: Alone::Nobody }
    }

    /// The average, and the bare model alone: in one batch where they are of one kind, and a group grid holds the bare
    /// replica already.
    pub(crate) fn averaged_and_bare(&self, request: &Request<'a>) -> Job<'a> {
        let averaged = self.averaged(request);
        if self.policy.inner != self.policy.forces {
            return Job { alone: Alone::Besides(self.policy.inner), ..averaged };
        }
        let mut quadrature = averaged.quadrature.into_owned();
        let alone = quadrature.identity_index().unwrap_or_else(|| quadrature.add_unweighted(IDENTITY));
        Job { quadrature: Cow::Owned(quadrature), alone: Alone::Replica(alone), ..averaged }
    }

    /// What the policy asks for.
    pub(crate) fn job(&self, request: &Request<'a>) -> Job<'a> {
        if self.policy.correction { self.averaged_and_bare(request) } else { self.averaged(request) }
    }

    fn read(&self, (averaged, bare): (Evaluation, Evaluation)) -> Evaluation {
        if self.policy.correction { difference(averaged, &bare) } else { averaged }
    }
}
