//! Weighted sums over replicas.

use super::members::Members;
use super::sample::Sample;
use super::{Evaluation, Request, Spread};
use crate::graph::Graph;
use crate::outputs::{AveragedOutput, Output};
use crate::potential::ModelInfo;
use crate::rotation::{Matrix3, Vector3};

/// Weighted sums over replicas, of the differences from the first replica, so that rounding does not swamp the variance
/// of a large energy.
#[derive(Default)]
pub(super) struct Moments {
    first: Sample,
    energy: Sums,
    atomic_energies: Sums,
    forces: Sums,
    virial: Sums,
    torque: Sums,
    edge_gradients: Sums,
    ensemble_energies: Vec<Sums>,
    outputs: Vec<Sums>,
    members: Members,
    replica_energies: Vec<f64>,
    replica_weights: Vec<f64>,
    probe_forces: Vec<Vec<Vector3>>,
}

impl Moments {
    /// Adds a replica; the weights of all replicas sum to one.
    pub fn add(&mut self, sample: Sample, weight: f64, request: &Request) {
        self.replica_energies.push(sample.energy);
        self.replica_weights.push(weight);
        self.probe_forces.push(request.probes.iter().map(|&atom| sample.forces[atom]).collect());
        self.members.add(&sample.members, weight);
        if self.replica_energies.len() == 1 {
            self.start(sample);
            return;
        }
        let first = &self.first;
        self.energy.add(&[sample.energy], &[first.energy], weight);
        self.atomic_energies.add(&sample.atomic_energies, &first.atomic_energies, weight);
        self.forces.add(sample.forces.as_flattened(), first.forces.as_flattened(), weight);
        self.virial.add(flat(&sample.virial), flat(&first.virial), weight);
        self.torque.add(&sample.torque, &first.torque, weight);
        self.edge_gradients.add(sample.edge_gradients.as_flattened(), first.edge_gradients.as_flattened(), weight);
        let members = sample.ensemble_energies.iter().zip(&first.ensemble_energies);
        self.ensemble_energies.iter_mut().zip(members).for_each(|(sums, (one, first))| sums.add(one, first, weight));
        let outputs = sample.outputs.iter().zip(&first.outputs);
        self.outputs
            .iter_mut()
            .zip(outputs)
            .for_each(|(sums, (one, first))| sums.add(&one.values, &first.values, weight));
    }

    /// Sets the sums to zero, with the lengths of the first replica's results: its differences from itself are zero.
    fn start(&mut self, first: Sample) {
        self.energy = Sums::zeros(1);
        self.atomic_energies = Sums::zeros(first.atomic_energies.len());
        self.forces = Sums::zeros(3 * first.forces.len());
        self.virial = Sums::zeros(flat(&first.virial).len());
        self.torque = Sums::zeros(3);
        self.edge_gradients = Sums::zeros(3 * first.edge_gradients.len());
        self.ensemble_energies = first.ensemble_energies.iter().map(|member| Sums::zeros(member.len())).collect();
        self.outputs = first.outputs.iter().map(|output| Sums::zeros(output.values.len())).collect();
        self.first = first;
    }

    /// Returns means and spreads, with the reference energies added.
    pub fn finish(self, graph: &Graph, info: &ModelInfo) -> Evaluation {
        let reference = |center: usize| info.reference_energies.get(&graph.species[center]).copied().unwrap_or(0.0);
        let total = graph.weights.iter().enumerate().map(|(c, w)| w * reference(c)).sum::<f64>();
        let mut mean = self.first;
        let spread = Spread {
            energy: self.energy.deviation(0),
            atomic_energies: self.atomic_energies.deviations(),
            forces: self.forces.deviations().as_chunks::<3>().0.to_vec(),
            virial: mean.virial.map(|_| matrix(&self.virial.deviations())),
        };
        self.atomic_energies.shift(&mut mean.atomic_energies);
        self.forces.shift(mean.forces.as_flattened_mut());
        self.torque.shift(&mut mean.torque);
        self.edge_gradients.shift(mean.edge_gradients.as_flattened_mut());
        mean.virial.iter_mut().for_each(|virial| self.virial.shift(virial.as_flattened_mut()));
        self.ensemble_energies.iter().zip(&mut mean.ensemble_energies).for_each(|(sums, member)| sums.shift(member));
        let per_center = mean.ensemble_energies.iter_mut().chain([&mut mean.atomic_energies]);
        per_center.for_each(|energies| energies.iter_mut().enumerate().for_each(|(c, e)| *e += reference(c)));
        Evaluation {
            energy: mean.energy + self.energy.mean[0] + total,
            atomic_energies: mean.atomic_energies,
            forces: mean.forces,
            virial: mean.virial,
            torque: mean.torque,
            edge_gradients: mean.edge_gradients,
            ensemble_energies: mean.ensemble_energies,
            outputs: averaged(mean.outputs, &self.outputs),
            members: self.members,
            spread,
            evaluations: self.replica_energies.len(),
            replica_energies: self.replica_energies.iter().map(|e| e + total).collect(),
            replica_weights: self.replica_weights,
            probe_forces: self.probe_forces,
        }
    }
}

fn averaged(first: Vec<Output>, sums: &[Sums]) -> Vec<AveragedOutput> {
    let average = |(Output { info, mut values }, sums): (Output, &Sums)| {
        sums.shift(&mut values);
        AveragedOutput { info, values, spread: sums.deviations() }
    };
    first.into_iter().zip(sums).map(average).collect()
}

fn flat(virial: &Option<Matrix3>) -> &[f64] {
    virial.as_ref().map_or(&[], |v| v.as_flattened())
}

fn matrix(flat: &[f64]) -> Matrix3 {
    let (rows, _) = flat.as_chunks::<3>();
    [rows[0], rows[1], rows[2]]
}

/// The sums Σ w d and Σ w d² over the differences d from the first replica; the weights sum to one.
#[derive(Default)]
struct Sums {
    mean: Vec<f64>,
    square: Vec<f64>,
}

impl Sums {
    fn zeros(len: usize) -> Self {
        Self { mean: vec![0.0; len], square: vec![0.0; len] }
    }

    fn add(&mut self, values: &[f64], first: &[f64], weight: f64) {
        for (i, (value, first)) in values.iter().zip(first).enumerate() {
            let difference = value - first;
            self.mean[i] += weight * difference;
            self.square[i] += weight * difference * difference;
        }
    }

    /// Adds the mean difference to the values of the first replica.
    fn shift(&self, first: &mut [f64]) {
        first.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value += mean);
    }

    /// Standard deviation. The variance is clipped at zero, since some Lebedev rules have negative weights.
    fn deviation(&self, i: usize) -> f64 {
        (self.square[i] - self.mean[i] * self.mean[i]).max(0.0).sqrt()
    }

    fn deviations(&self) -> Vec<f64> {
        (0..self.mean.len()).map(|i| self.deviation(i)).collect()
    }
}
