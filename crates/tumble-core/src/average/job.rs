//! Jobs: one average each, and its progress.

use std::borrow::Cow;
use std::ops::Range;
use std::slice;

use super::moments::Moments;
use super::sample::Sample;
use super::{Evaluation, Request};
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{GraphSize, Plan, Work};
use crate::potential::{Forces, ModelInfo, Potential, Response};
use crate::potential_plan::{plan_across_ranks, plan_for};
use crate::quadrature::Quadrature;
use crate::rotation::{IDENTITY, Matrix3};

/// One graph at the rotations of one quadrature.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub graph: &'a Graph,
    pub quadrature: Cow<'a, Quadrature>,
    pub request: Request<'a>,
    pub bare: Bare,
}

/// Where the evaluation of the bare model comes from, if the job asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bare {
    /// It is not requested.
    None,
    /// This replica of the quadrature.
    Replica(usize),
    /// One more replica, without rotation and with this kind of forces.
    Extra(Forces),
}

impl Job<'_> {
    /// Returns the kinds of forces, each with the numbers of its replicas. The extra replica comes after the
    /// quadrature.
    pub fn replicas(&self) -> impl Iterator<Item = (Forces, Range<usize>)> {
        let count = self.quadrature.len();
        let extra = match self.bare {
            Bare::Extra(kind) => Some((kind, count..count + 1)),
            Bare::None | Bare::Replica(_) => None,
        };
        [(self.request.forces, 0..count)].into_iter().chain(extra)
    }

    /// Returns the job's work, for the planner.
    pub fn work(&self) -> Work {
        Work { size: GraphSize::of(self.graph), replicas: self.replicas().collect() }
    }

    /// Plans the job on its own.
    pub fn plan(&self, potential: &dyn Potential) -> Plan {
        plan_for(potential, &[self.work()], self.request.memory)
    }

    /// Plans the job together with the other ranks, if they share its structure.
    ///
    /// # Errors
    /// The errors of [`plan_across_ranks`].
    pub fn plan_with_ranks(&self, potential: &dyn Potential) -> Result<Plan> {
        match &self.graph.domain {
            Some(domain) => plan_across_ranks(potential, domain, &self.work(), self.request.memory),
            None => Ok(self.plan(potential)),
        }
    }

    /// Returns the rotations of replicas of one kind.
    pub fn rotations(&self, replicas: Range<usize>) -> &[Matrix3] {
        self.quadrature.rotations.get(replicas).unwrap_or(slice::from_ref(&IDENTITY))
    }

    /// Whether there is nothing to evaluate, as on a rank without atoms that exchanges no messages.
    pub fn is_void(&self) -> bool {
        self.graph.domain.is_none() && self.graph.weights.iter().all(|&weight| weight == 0.0)
    }

    /// Returns the number of the replica of the bare model.
    fn bare_replica(&self) -> Option<usize> {
        match self.bare {
            Bare::None => None,
            Bare::Replica(replica) => Some(replica),
            Bare::Extra(_) => Some(self.quadrature.len()),
        }
    }
}

/// The sums of a job so far. Replicas of one kind must be added in order.
pub(super) struct Progress<'a> {
    job: &'a Job<'a>,
    mean: Moments,
    bare: Moments,
    evaluations: usize,
}

impl<'a> Progress<'a> {
    pub fn new(job: &'a Job<'a>) -> Self {
        Self { job, mean: Moments::default(), bare: Moments::default(), evaluations: 0 }
    }

    /// Adds the response to a replica.
    pub fn take(&mut self, replica: usize, response: Response) {
        let Job { graph, request, .. } = self.job;
        let rotation = self.job.quadrature.rotations.get(replica).unwrap_or(&IDENTITY);
        self.add(replica, Sample::new(graph, response, rotation, request));
    }

    /// Adds zeros for all replicas, for a job without own atoms.
    pub fn take_nothing(&mut self, info: &ModelInfo) {
        for replica in self.job.replicas().flat_map(|(_, replicas)| replicas) {
            self.add(replica, Sample::nothing(self.job.graph, info));
        }
    }

    fn add(&mut self, replica: usize, sample: Sample) {
        let Job { quadrature, request, .. } = self.job;
        self.evaluations += 1;
        if self.job.bare_replica() == Some(replica) {
            self.bare.add(sample.clone(), 1.0, request);
        }
        if let Some(&weight) = quadrature.weights.get(replica) {
            self.mean.add(sample, weight, request);
        }
    }

    /// Returns the average and the bare model's evaluation, empty if not requested.
    pub fn finish(self, info: &ModelInfo) -> (Evaluation, Evaluation) {
        let Job { graph, bare, .. } = self.job;
        let mean = Evaluation { evaluations: self.evaluations, ..self.mean.finish(graph, info) };
        let bare = match bare {
            Bare::None => Evaluation::default(),
            Bare::Replica(_) | Bare::Extra(_) => self.bare.finish(graph, info),
        };
        (mean, bare)
    }
}
