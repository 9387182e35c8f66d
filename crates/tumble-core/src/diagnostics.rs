//! Measures of broken symmetry under domain decomposition: each rank packs its share, the shares of all ranks are summed,
//! and the sum is read.
//!
//! Standard deviations cannot be added rank by rank, so what is summed are energies and forces of each replica. Of a big
//! system the forces are those of a sample of atoms, the probes: the same ones on every rank, told by their tags.

use crate::average::Evaluation;
use crate::rotation::{Vector3, add, dot, norm, scale, sub};

/// Probes are at most this many.
const MAX_PROBES: usize = 1024;

/// Which atoms are probes, and which of them a rank has nodes of.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// Nodes of the rank's graph that are probes.
    pub nodes: Vec<usize>,
    /// The slot of each of them.
    slots: Vec<usize>,
    /// 1/mass of the rank's own probes `[n_slots]`; 0 in all other slots.
    inverse_masses: Vec<f64>,
}

impl Probes {
    /// From the tag (from 1) of each node, own atoms first, the masses of the own atoms, and the largest tag of all ranks.
    pub fn new(tags: impl Iterator<Item = usize>, masses: &[f64], max_tag: usize) -> Self {
        let stride = scattering_stride(max_tag);
        let inverse_masses = vec![0.0; max_tag.min(MAX_PROBES)];
        let mut probes = Self { nodes: vec![], slots: vec![], inverse_masses };
        for (node, tag) in tags.enumerate() {
            // A permutation of the tags, so that no pattern in their order (O H H O H H ...) is in the sample.
            let slot = ((tag as u128 - 1) * stride as u128 % max_tag as u128) as usize;
            if slot < probes.n_slots() {
                probes.nodes.push(node);
                probes.slots.push(slot);
                if let Some(mass) = masses.get(node) {
                    probes.inverse_masses[slot] = 1.0 / mass;
                }
            }
        }
        probes
    }

    fn n_slots(&self) -> usize {
        self.inverse_masses.len()
    }

    fn spread_out(&self, values: &[Vector3]) -> Vec<Vector3> {
        let mut all = vec![[0.0; 3]; self.n_slots()];
        self.slots.iter().zip(values).for_each(|(&slot, &value)| all[slot] = add(all[slot], value));
        all
    }
}

/// A number near the golden section of n and coprime to it: its multiples modulo n are all of 0..n, well scattered.
fn scattering_stride(n: usize) -> usize {
    let golden = (n as f64 * 0.618_033_988_749_895) as usize;
    (golden.max(1)..).find(|&stride| gcd(stride, n) == 1).unwrap_or(1)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What a rank contributes, or the sum over ranks.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// Weights of the replicas whose spread is measured; empty if none is.
    weights: Vec<f64>,
    n_slots: usize,
    has_noise: bool,
    /// Torque, inverse masses of the probes, energies of the replicas, forces on the probes for each replica, difference of
    /// two draws on the probes.
    pub numbers: Vec<f64>,
}

impl Shares {
    /// `evaluation` tells the torque, `surveyed` the spread, and `draws` are two evaluations of a random mitigation with
    /// different random numbers.
    pub fn pack(
        evaluation: &Evaluation,
        surveyed: Option<&Evaluation>,
        draws: Option<&[Evaluation; 2]>,
        probes: &Probes,
    ) -> Self {
        let mut numbers = [&evaluation.torque, &probes.inverse_masses[..]].concat();
        let mut weights = Vec::new();
        if let Some(surveyed) = surveyed {
            weights = surveyed.replica_weights.clone();
            numbers.extend(&surveyed.replica_energies);
            surveyed.probe_forces.iter().for_each(|f| numbers.extend(probes.spread_out(f).as_flattened()));
        }
        if let Some([one, other]) = draws.map(|draws| draws.each_ref().map(mean_forces)) {
            let difference: Vec<_> = one.iter().zip(&other).map(|(&a, &b)| sub(a, b)).collect();
            numbers.extend(probes.spread_out(&difference).as_flattened());
        }
        Self { weights, n_slots: probes.n_slots(), has_noise: draws.is_some(), numbers }
    }

    /// Reads the sum over ranks of `numbers`.
    pub fn read(&self, numbers: &[f64]) -> Diagnosis {
        let (torque, rest) = numbers.split_at(3);
        // A slot of a tag that no atom has is without a mass.
        let (inverse_masses, rest) = rest.split_at(self.n_slots);
        let (energies, rest) = rest.split_at(self.weights.len());
        let (forces, noise) = rest.split_at(3 * self.weights.len() * self.n_slots);
        let probes = inverse_masses.iter().filter(|&&m| m > 0.0).count();
        let rows: Vec<_> = forces.chunks_exact((3 * self.n_slots).max(1)).collect();
        let variance = (0..3 * self.n_slots).map(|k| variance(&self.weights, rows.iter().map(|row| row[k])));
        let has_spread = self.weights.len() > 1;
        Diagnosis {
            torque: norm([torque[0], torque[1], torque[2]]),
            energy_spread: has_spread.then(|| variance_of(&self.weights, energies).sqrt()),
            force_spread: has_spread.then(|| (variance.sum::<f64>() / (3 * probes).max(1) as f64).sqrt()),
            noise_power: self.has_noise.then(|| noise_power(noise, inverse_masses) / probes.max(1) as f64),
        }
    }
}

/// Measures of broken symmetry of the whole system.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// Length of the torque, eV.
    pub torque: f64,
    /// Standard deviation of the energy over the rotations, eV.
    pub energy_spread: Option<f64>,
    /// Root mean square over atoms and components of the standard deviation of the forces, eV/Å.
    pub force_spread: Option<f64>,
    /// Mean over atoms of σ²/m, σ² the variance of the vector of the force from step to step, (eV/Å)² per unit of mass.
    pub noise_power: Option<f64>,
}

/// Weighted mean over replicas of the forces on the probes.
fn mean_forces(evaluation: &Evaluation) -> Vec<Vector3> {
    let mut mean = vec![[0.0; 3]; evaluation.probe_forces.first().map_or(0, Vec::len)];
    for (weight, forces) in evaluation.replica_weights.iter().zip(&evaluation.probe_forces) {
        mean.iter_mut().zip(forces).for_each(|(sum, &force)| *sum = add(*sum, scale(force, *weight)));
    }
    mean
}

/// Half the squared difference of two draws is the variance of one.
fn noise_power(differences: &[f64], inverse_masses: &[f64]) -> f64 {
    let (differences, _) = differences.as_chunks::<3>();
    differences.iter().zip(inverse_masses).map(|(&d, m)| 0.5 * dot(d, d) * m).sum()
}

fn variance_of(weights: &[f64], values: &[f64]) -> f64 {
    variance(weights, values.iter().copied())
}

/// Weighted variance, of differences from the first value so that it does not drown in rounding; clipped at zero, since
/// some Lebedev rules have negative weights.
fn variance(weights: &[f64], values: impl Iterator<Item = f64> + Clone) -> f64 {
    let first = values.clone().next().unwrap_or(0.0);
    let moment = |power| weights.iter().zip(values.clone()).map(|(w, x)| w * (x - first).powi(power)).sum::<f64>();
    (moment(2) - moment(1).powi(2)).max(0.0)
}
