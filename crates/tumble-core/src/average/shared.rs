//! Evaluates many averages at once, in as few runs of the model as memory and padding allow.

use super::job::{Job, Progress};
use super::{Evaluation, average_checked, average_job};
use crate::error::{Error, Result};
use crate::planner::{Batch, Work};
use crate::potential::{Potential, Replicas};
use crate::potential_plan::plan_for;

/// How a job is evaluated.
enum State<'a> {
    /// The model cannot evaluate it.
    Refused(Error),
    /// It is evaluated on its own after the others.
    Separate,
    /// It shares batches with others.
    Shared(Box<Progress<'a>>),
}

/// Evaluates each job as [`average_job`] does, all within the memory limit of the first. A job that cannot share a
/// batch, or whose batch fails, is evaluated on its own, so that an error belongs to the job that caused it.
pub(crate) fn average_jobs(potential: &mut dyn Potential, jobs: &[Job]) -> Vec<Result<(Evaluation, Evaluation)>> {
    if let [job] = jobs {
        return vec![average_job(potential, job)];
    }
    let mut states: Vec<_> = jobs.iter().map(|job| State::of(job, potential)).collect();
    let work: Vec<_> = jobs.iter().zip(&states).map(|(job, state)| state.work(job)).collect();
    let memory = jobs.first().map_or(0, |job| job.request.memory);
    for batch in plan_for(potential, &work, memory).batches {
        if batch.is_in_blocks() {
            batch.shares.iter().for_each(|share| states[share.work] = State::Separate);
        } else {
            evaluate(potential, jobs, batch, &mut states);
        }
    }
    let result = |(job, state): (_, State)| match state {
        State::Refused(error) => Err(error),
        State::Separate => average_checked(potential, job),
        State::Shared(progress) => Ok(progress.finish(potential.info())),
    };
    jobs.iter().zip(states).map(result).collect()
}

impl<'a> State<'a> {
    fn of(job: &'a Job<'a>, potential: &dyn Potential) -> Self {
        match potential.info().check(job.graph) {
            Err(error) => Self::Refused(error),
            Ok(()) if job.is_void() => Self::Separate,
            Ok(()) => Self::Shared(Box::new(Progress::new(job))),
        }
    }

    /// Returns the job's work for the shared plan; none if it shares no batch.
    fn work(&self, job: &Job) -> Work {
        match self {
            Self::Shared(_) => job.work(),
            Self::Refused(_) | Self::Separate => Work::default(),
        }
    }
}

/// Evaluates a batch; if it fails, each of its jobs is evaluated separately.
fn evaluate(potential: &mut dyn Potential, jobs: &[Job], mut batch: Batch, states: &mut [State]) {
    batch.shares.retain(|share| matches!(states[share.work], State::Shared(_)));
    if batch.is_empty() {
        return;
    }
    let replicas = batch.shares.iter().map(|share| {
        let job = &jobs[share.work];
        Replicas { graph: job.graph, rotations: job.rotations(share.replicas.clone()) }
    });
    match potential.evaluate_many(&replicas.collect::<Vec<_>>(), batch.forces) {
        Ok(responses) => {
            let numbers = batch.shares.iter().flat_map(|share| share.replicas.clone().map(|i| (share.work, i)));
            for ((job, replica), response) in numbers.zip(responses) {
                if let State::Shared(progress) = &mut states[job] {
                    progress.take(replica, response);
                }
            }
        }
        Err(_) => batch.shares.iter().for_each(|share| states[share.work] = State::Separate),
    }
}
