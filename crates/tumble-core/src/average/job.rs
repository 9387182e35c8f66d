//! What is averaged, and what has come of it so far.

use std::borrow::Cow;
use std::ops::Range;
use std::slice;

use super::moments::Moments;
use super::sample::Sample;
use super::{Evaluation, Request};
use crate::graph::Graph;
use crate::planner::{GraphSize, Plan, Work};
use crate::potential::{Forces, ModelInfo, Potential, Response};
use crate::potential_plan::plan_for;
use crate::quadrature::Quadrature;
use crate::rotation::{IDENTITY, Matrix3};

/// One graph at the rotations of one quadrature.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub graph: &'a Graph,
    pub quadrature: Cow<'a, Quadrature>,
    pub request: Request<'a>,
    pub alone: Alone,
}

/// The replica that is also wanted by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alone {
    /// None.
    Nobody,
    /// This one of the quadrature.
    Replica(usize),
    /// The graph as it is, besides the replicas of the quadrature and with this kind of forces.
    Besides(Forces),
}

impl Job<'_> {
    /// Kind of forces and numbers of the replicas that are evaluated, kind by kind. What is besides the quadrature is
    /// numbered after it.
    pub fn replicas(&self) -> impl Iterator<Item = (Forces, Range<usize>)> {
        let count = self.quadrature.len();
        let besides = match self.alone {
            Alone::Besides(kind) => Some((kind, count..count + 1)),
            Alone::Nobody | Alone::Replica(_) => None,
        };
        [(self.request.forces, 0..count)].into_iter().chain(besides)
    }

    /// What the planner is told of it.
    pub fn work(&self) -> Work {
        Work { size: GraphSize::of(self.graph), replicas: self.replicas().collect() }
    }

    /// How it is evaluated by itself.
    pub fn plan(&self, potential: &dyn Potential) -> Plan {
        plan_for(potential, &[self.work()], self.request.memory)
    }

    /// Rotations of replicas of one kind.
    pub fn rotations(&self, replicas: Range<usize>) -> &[Matrix3] {
        self.quadrature.rotations.get(replicas).unwrap_or(slice::from_ref(&IDENTITY))
    }

    /// Whether there is nothing to evaluate, as on a rank without atoms.
    pub fn is_void(&self) -> bool {
        self.graph.weights.iter().all(|&weight| weight == 0.0)
    }

    fn number_alone(&self) -> Option<usize> {
        match self.alone {
            Alone::Nobody => None,
            Alone::Replica(replica) => Some(replica),
            Alone::Besides(_) => Some(self.quadrature.len()),
        }
    }
}

/// A job on the way: replicas of one kind are to be handed over in their order.
pub(super) struct Progress<'a> {
    job: &'a Job<'a>,
    mean: Moments,
    alone: Moments,
    evaluations: usize,
}

impl<'a> Progress<'a> {
    pub fn new(job: &'a Job<'a>) -> Self {
        Self { job, mean: Moments::default(), alone: Moments::default(), evaluations: 0 }
    }

    /// Adds what the potential gives for a replica.
    pub fn take(&mut self, replica: usize, response: Response) {
        let Job { graph, request, .. } = self.job;
        let rotation = self.job.quadrature.rotations.get(replica).unwrap_or(&IDENTITY);
        self.add(replica, Sample::new(graph, response, rotation, request));
    }

    /// All replicas, where there is nothing to evaluate.
    pub fn take_nothing(&mut self) {
        for replica in self.job.replicas().flat_map(|(_, replicas)| replicas) {
            self.add(replica, Sample::nothing(self.job.graph));
        }
    }

    fn add(&mut self, replica: usize, sample: Sample) {
        let Job { quadrature, request, .. } = self.job;
        self.evaluations += 1;
        if self.job.number_alone() == Some(replica) {
            self.alone.add(sample.clone(), 1.0, request);
        }
        if let Some(&weight) = quadrature.weights.get(replica) {
            self.mean.add(sample, weight, request);
        }
    }

    /// The average, and the replica that was wanted by itself: an empty evaluation if none was.
    pub fn finish(self, info: &ModelInfo) -> (Evaluation, Evaluation) {
        let Job { graph, alone, .. } = self.job;
        let mean = Evaluation { evaluations: self.evaluations, ..self.mean.finish(graph, info) };
        let alone = match alone {
            Alone::Nobody => Evaluation::default(),
            Alone::Replica(_) | Alone::Besides(_) => self.alone.finish(graph, info),
        };
        (mean, alone)
    }
}
