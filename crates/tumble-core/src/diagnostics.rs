//! Measures of broken symmetry under domain decomposition: each rank packs its share, the host sums the shares of all
//! ranks, and the sum is read.
//!
//! Standard deviations do not add up over ranks, so the shares hold energies and forces of each replica. In a large
//! system the forces are from a sample of atoms, the probes; every rank selects them by their tags.

use crate::average::Evaluation;
use crate::rotation::{Vector3, add, dot, norm, scale, sub};

/// Largest number of probes.
const MAX_PROBES: usize = 1024;

/// The probes of the system, and the rank's nodes among them.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// Nodes of the rank's graph that are probes.
    pub nodes: Vec<usize>,
    /// Slot of each of these nodes.
    slots: Vec<usize>,
    /// 1/mass of the rank's own probes `[n_slots]`; 0 in all other slots.
    inverse_masses: Vec<f64>,
}

impl Probes {
    /// Selects the probes from the tag (from 1) of each node, own atoms first, the masses of the own atoms, and the
    /// largest tag of all ranks.
    pub fn new(tags: impl Iterator<Item = usize>, masses: &[f64], max_tag: usize) -> Self {
        let stride = scattering_stride(max_tag);
        let inverse_masses = vec![0.0; max_tag.min(MAX_PROBES)];
        let mut probes = Self { nodes: vec![], slots: vec![], inverse_masses };
        for (node, tag) in tags.enumerate() {
            // A permutation of the tags, so that the sample has no pattern of their order (O H H O H H ...).
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

/// Returns a number near 0.618 n and coprime to n: its multiples modulo n are all of 0..n, well scattered.
fn scattering_stride(n: usize) -> usize {
    let golden = (n as f64 * 0.618_033_988_749_895) as usize;
    (golden.max(1)..).find(|&stride| gcd(stride, n) == 1).unwrap_or(1)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The contribution of a rank.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// Weights of the replicas in the spread; empty if it is not measured.
    weights: Vec<f64>,
    n_slots: usize,
    has_noise: bool,
    /// The numbers to sum over ranks: torque, inverse masses of the probes, energies of the replicas, forces on the
    /// probes for each replica, and the difference of two draws on the probes.
    pub numbers: Vec<f64>,
}

impl Shares {
    /// Packs the torque of `evaluation`, the spread of `surveyed`, and the noise from `draws`, two evaluations of a
    /// random mitigation with different random numbers.
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

    /// Reads the sum over ranks of [`Shares::numbers`].
    pub fn read(&self, numbers: &[f64]) -> Diagnosis {
        let (torque, rest) = numbers.split_at(3);
        // A slot whose tag belongs to no atom has inverse mass 0.
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
    /// Mean over atoms of σ²/m, with the variance σ² of the force vector from step to step, (eV/Å)² per unit of mass.
    pub noise_power: Option<f64>,
}

/// Returns the weighted mean over replicas of the forces on the probes.
fn mean_forces(evaluation: &Evaluation) -> Vec<Vector3> {
    let mut mean = vec![[0.0; 3]; evaluation.probe_forces.first().map_or(0, Vec::len)];
    for (weight, forces) in evaluation.replica_weights.iter().zip(&evaluation.probe_forces) {
        mean.iter_mut().zip(forces).for_each(|(sum, &force)| *sum = add(*sum, scale(force, *weight)));
    }
    mean
}

/// Sums variance / mass; the variance of one draw is half the squared difference of two.
fn noise_power(differences: &[f64], inverse_masses: &[f64]) -> f64 {
    let (differences, _) = differences.as_chunks::<3>();
    differences.iter().zip(inverse_masses).map(|(&d, m)| 0.5 * dot(d, d) * m).sum()
}

fn variance_of(weights: &[f64], values: &[f64]) -> f64 {
    variance(weights, values.iter().copied())
}

/// Returns the weighted variance. It is computed from differences from the first value, so that rounding does not swamp
/// it, and clipped at zero, since some Lebedev rules have negative weights.
fn variance(weights: &[f64], values: impl Iterator<Item = f64> + Clone) -> f64 {
    let first = values.clone().next().unwrap_or(0.0);
    let moment = |power| weights.iter().zip(values.clone()).map(|(w, x)| w * (x - first).powi(power)).sum::<f64>();
    (moment(2) - moment(1).powi(2)).max(0.0)
}
