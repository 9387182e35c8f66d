//! Results of the members of a committee, rotated back and averaged like those of the committee.

use super::sample::Sample;
use crate::graph::Graph;
use crate::potential::Derivative;
use crate::rotation::{Matrix3, Vector3};

/// Forces and virials of the M members of a committee; empty without one. Laboratory frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// Forces on the atoms `[M][N]`, eV/Å.
    pub forces: Vec<Vec<Vector3>>,
    /// Virials `[M]`, eV; `None` if a member with direct forces gives no stress.
    pub virials: Vec<Option<Matrix3>>,
}

impl Members {
    /// Rotates the members' derivatives back by the replica's rotation.
    pub(super) fn of(derivatives: Vec<Derivative>, graph: &Graph, rotation: &Matrix3) -> Self {
        let one = |derivative| {
            let mut member = Sample::default();
            member.add_derivative(graph, derivative, rotation, false);
            (member.forces, member.virial)
        };
        let (forces, virials) = derivatives.into_iter().map(one).unzip();
        Self { forces, virials }
    }

    /// Adds the results of a replica, times its weight.
    pub(super) fn add(&mut self, replica: &Self, weight: f64) {
        self.forces.resize_with(replica.forces.len(), Vec::new);
        self.virials.resize(replica.virials.len(), Some([[0.0; 3]; 3]));
        for (sum, forces) in self.forces.iter_mut().zip(&replica.forces) {
            sum.resize(forces.len(), [0.0; 3]);
            add(sum.as_flattened_mut(), forces.as_flattened(), weight);
        }
        for (sum, virial) in self.virials.iter_mut().zip(&replica.virials) {
            *sum = sum.zip(*virial).map(|(mut sum, virial)| {
                add(sum.as_flattened_mut(), virial.as_flattened(), weight);
                sum
            });
        }
    }
}

fn add(sum: &mut [f64], values: &[f64], weight: f64) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}
