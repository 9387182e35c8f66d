//! Many averages at once, in as few runs of the model as memory and padding allow.

use super::job::{Job, Progress};
use super::runs::{Share, runs};
use super::{Evaluation, average_job};
use crate::error::Result;
use crate::potential::{Potential, Replicas};

/// As [`average_job`] of each job. A job that cannot share a run, or in whose run something fails, is evaluated by
/// itself, so that it fails alone or not at all.
pub(crate) fn average_jobs(potential: &mut dyn Potential, jobs: &[Job]) -> Vec<Result<(Evaluation, Evaluation)>> {
    if let [job] = jobs {
        return vec![average_job(potential, job)];
    }
    let mut sharing: Vec<_> = jobs.iter().map(|job| can_share(job, potential).then(|| Progress::new(job))).collect();
    let shares = sharing.iter().enumerate().filter(|(_, progress)| progress.is_some());
    let shares = shares.flat_map(|(job, _)| shares_of(job, &jobs[job])).collect();
    for run in runs(shares, jobs, potential) {
        evaluate(potential, jobs, run, &mut sharing);
    }
    let result = |(job, progress): (_, Option<Progress>)| match progress {
        Some(progress) => Ok(progress.finish(potential.info())),
        None => average_job(potential, job),
    };
    jobs.iter().zip(sharing).map(result).collect()
}

/// Whether the model can evaluate it, and as a whole.
fn can_share(job: &Job, potential: &dyn Potential) -> bool {
    let known = potential.info().check(job.graph).is_ok();
    known && !job.is_void() && potential.bytes_per_replica(job.graph) <= job.request.memory
}

fn shares_of(job: usize, what: &Job) -> impl Iterator<Item = Share> {
    what.replicas().map(move |(kind, replicas)| Share { job, kind, replicas })
}

/// Evaluates what a run shares; where it fails, none of its jobs is shared any longer.
fn evaluate(potential: &mut dyn Potential, jobs: &[Job], mut run: Vec<Share>, sharing: &mut [Option<Progress>]) {
    run.retain(|share| sharing[share.job].is_some());
    let Some(kind) = run.first().map(|share| share.kind) else { return };
    let replicas = |share: &Share| {
        let job = &jobs[share.job];
        Replicas { graph: job.graph, rotations: job.rotations(share.replicas.clone()) }
    };
    match potential.evaluate_many(&run.iter().map(replicas).collect::<Vec<_>>(), kind) {
        Ok(responses) => {
            let numbers = run.iter().flat_map(|share| share.replicas.clone().map(|replica| (share.job, replica)));
            for ((job, replica), response) in numbers.zip(responses) {
                if let Some(progress) = &mut sharing[job] {
                    progress.take(replica, response);
                }
            }
        }
        Err(_) => run.iter().for_each(|share| sharing[share.job] = None),
    }
}
