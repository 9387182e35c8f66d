//! Evaluates structures of several simulations, each with its own policy, in as few runs of one model as possible.

use std::borrow::Cow;

use crate::average::{Bare, Evaluation, Job, Request, average_job, average_jobs};
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
    /// The simulation's policy: rotations, forces, correction.
    pub policy: &'a Policy,
    /// The step. Random rotations depend on the seed and on the step.
    pub step: u64,
}

/// Evaluates the tasks and returns their results in order.
///
/// Each result equals the result of [`Calculator::evaluate`](crate::Calculator::evaluate), exactly or, if the model
/// evaluates several tasks in one run, to the rounding of its precision. `memory` limits a run, in bytes. A task equal
/// to the task before it, as in the batches that i-PI pads, gets a copy of that result, with 0 evaluations.
///
/// # Errors
/// The error of each task on its own: a task that fails does not affect the others.
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
    /// Whether the task equals another one.
    fn repeats(&self, other: &Self) -> bool {
        self.step == other.step && std::ptr::eq(self.policy, other.policy) && self.graph == other.graph
    }

    /// Evaluates this task on its own. Here and below, the policy's kind of forces replaces the kind in the request.
    pub(crate) fn evaluate(&self, potential: &mut dyn Potential, request: &Request<'a>) -> Result<Evaluation> {
        Ok(self.read(average_job(potential, &self.job(request))?))
    }

    /// The job of the averaged model.
    pub(crate) fn averaged(&self, request: &Request<'a>) -> Job<'a> {
        let quadrature = self.policy.mitigation.orientations(self.graph, self.policy.draw(self.step));
        let request = Request { forces: self.policy.forces, ..*request };
        Job { graph: self.graph, quadrature, request, bare: Bare::None }
    }

    /// The job of the averaged and the bare model. If both have the same kind of forces, they share a batch, and a
    /// group grid already contains the bare replica.
    pub(crate) fn averaged_and_bare(&self, request: &Request<'a>) -> Job<'a> {
        let averaged = self.averaged(request);
        if self.policy.inner != self.policy.forces {
            return Job { bare: Bare::Extra(self.policy.inner), ..averaged };
        }
        let mut quadrature = averaged.quadrature.into_owned();
        let bare = quadrature.identity_index().unwrap_or_else(|| quadrature.add_unweighted(IDENTITY));
        Job { quadrature: Cow::Owned(quadrature), bare: Bare::Replica(bare), ..averaged }
    }

    /// The job that the policy asks for.
    pub(crate) fn job(&self, request: &Request<'a>) -> Job<'a> {
        if self.policy.correction { self.averaged_and_bare(request) } else { self.averaged(request) }
    }

    fn read(&self, (averaged, bare): (Evaluation, Evaluation)) -> Evaluation {
        if self.policy.correction { difference(averaged, &bare) } else { averaged }
    }
}
