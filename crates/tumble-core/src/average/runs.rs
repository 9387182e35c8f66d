//! Which replicas share a run of the model.

use std::cmp::Reverse;
use std::ops::Range;

use super::batch_bytes;
use super::job::Job;
use crate::graph::Graph;
use crate::potential::{Forces, Potential};

/// Padding may add a quarter to what a run takes: more would cost more than a run of one's own.
const PADDING: (usize, usize) = (5, 4);

/// Replicas of one job, all of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Share {
    /// Index of the job.
    pub job: usize,
    /// Of forces.
    pub kind: Forces,
    /// Their numbers.
    pub replicas: Range<usize>,
}

/// Working memory, bytes.
#[derive(Clone, Copy, Default)]
struct Bytes {
    /// With padding to the widest graph of a run.
    padded: usize,
    /// In a run of one's own.
    own: usize,
}

impl Bytes {
    fn plus(self, more: Self, count: usize) -> Self {
        Self { padded: self.padded + count * more.padded, own: self.own + count * more.own }
    }

    fn fit(self, limit: usize) -> bool {
        self.padded <= limit && PADDING.1 * self.padded <= PADDING.0 * self.own
    }
}

/// A run that is being filled.
struct Run<'a> {
    kind: Forces,
    widest: &'a Graph,
    shares: Vec<Share>,
    bytes: Bytes,
}

impl Run<'_> {
    /// Takes replicas from the front of a share: as many as fit, but at least one if there are none yet.
    fn take(&mut self, share: &mut Share, job: &Job, potential: &dyn Potential) {
        let limit = batch_bytes(potential, job.request.memory);
        let own = potential.bytes_per_replica(job.graph).max(1);
        let one = Bytes { padded: potential.bytes_beside(job.graph, self.widest).max(1), own };
        let fitting = (1..=share.replicas.len()).take_while(|&count| self.bytes.plus(one, count).fit(limit)).count();
        let count = fitting.max(usize::from(self.shares.is_empty()));
        let end = share.replicas.start + count;
        if count > 0 {
            self.shares.push(Share { replicas: share.replicas.start..end, ..*share });
        }
        share.replicas.start = end;
        self.bytes = self.bytes.plus(one, count);
    }
}

/// Runs that together evaluate the shares, each of one kind of forces. Replicas of a job stay in their order.
pub(super) fn runs(mut shares: Vec<Share>, jobs: &[Job], potential: &dyn Potential) -> Vec<Vec<Share>> {
    // The widest first, so that the first of a run tells what all of it is padded to.
    shares.sort_by_cached_key(|share| (share.kind as u8, Reverse(jobs[share.job].graph.max_neighbors())));
    let mut runs: Vec<Run> = Vec::new();
    for mut share in shares {
        let job = &jobs[share.job];
        if let Some(run) = runs.last_mut().filter(|run| run.kind == share.kind) {
            run.take(&mut share, job, potential);
        }
        while !share.replicas.is_empty() {
            let mut run = Run { kind: share.kind, widest: job.graph, shares: Vec::new(), bytes: Bytes::default() };
            run.take(&mut share, job, potential);
            runs.push(run);
        }
    }
    runs.into_iter().map(|run| run.shares).collect()
}
