//! Deviations of energy and forces from their means over O(3).

use std::collections::BTreeMap;
use std::time::Instant;

use ndarray::{Array1, Array2};
use tumble_core::average::{self, Request};
use tumble_core::elements::mass;
use tumble_core::graph::Graph;
use tumble_core::potential::{Forces, ModelInfo, Potential};
use tumble_core::quadrature::Quadrature;
use tumble_core::rotation::{Matrix3, dot};

use crate::error::{Error, Result};

/// A model with its settings and a progress callback.
pub struct Evaluator<'a> {
    potential: &'a mut dyn Potential,
    forces: Forces,
    memory: usize,
    /// Receives the number of new evaluations; returns whether to continue.
    watch: &'a mut dyn FnMut(usize) -> bool,
}

impl<'a> Evaluator<'a> {
    /// Creates an evaluator for a kind of forces and a working memory in bytes. `watch` receives the number of
    /// evaluations since its last call and returns whether to continue.
    ///
    /// # Errors
    /// [`ForcesNotOffered`](tumble_core::Error::ForcesNotOffered).
    pub fn new(
        potential: &'a mut dyn Potential,
        forces: Forces,
        memory: usize,
        watch: &'a mut dyn FnMut(usize) -> bool,
    ) -> Result<Self> {
        potential.info().check_forces(forces)?;
        Ok(Self { potential, forces, memory, watch })
    }

    /// Returns the description of the model.
    pub fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    /// Returns the seconds per evaluation, from a batch of `count` after one evaluation to warm up.
    ///
    /// # Errors
    /// See [`Evaluator::samples`].
    pub fn seconds(&mut self, graph: &Graph, count: usize) -> Result<f64> {
        let rotations = vec![tumble_core::rotation::IDENTITY; count];
        self.samples(graph, &rotations[..1])?;
        Ok(self.samples(graph, &rotations)?.seconds / count as f64)
    }

    /// Evaluates the graph at each rotation.
    ///
    /// # Errors
    /// Errors of the potential, and [`Error::Interrupted`].
    pub fn samples(&mut self, graph: &Graph, rotations: &[Matrix3]) -> Result<Samples> {
        let start = Instant::now();
        let request = Request::new(self.forces, self.memory);
        let (mut samples, mut row) = (Samples::new(rotations.len(), graph.n_atoms()), 0);
        average::samples(self.potential, graph, rotations, &request, |batch| {
            let count = batch.len();
            for sample in batch {
                samples.take(row, sample);
                row += 1;
            }
            if (self.watch)(count) { Ok(()) } else { Err(Error::Interrupted) }
        })?;
        Ok(Samples { seconds: start.elapsed().as_secs_f64(), ..samples })
    }
}

/// Results of a model for a structure at n rotations, rotated back.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Energies without reference energies `[n]`, eV.
    pub energies: Array1<f64>,
    /// Forces `[n, 3N]`, eV/Å.
    pub forces: Array2<f64>,
    /// Squared lengths of the torque `[n]`, eV²; `None` if the model gives no virial.
    pub torques: Option<Array1<f64>>,
    /// Wall time of all evaluations, s.
    pub seconds: f64,
}

impl Samples {
    fn new(n: usize, atoms: usize) -> Self {
        let (energies, forces) = (Array1::zeros(n), Array2::zeros((n, 3 * atoms)));
        Self { energies, forces, torques: Some(Array1::zeros(n)), seconds: 0.0 }
    }

    fn take(&mut self, row: usize, sample: average::Sample) {
        self.energies[row] = sample.energy;
        self.forces.row_mut(row).iter_mut().zip(sample.forces.as_flattened()).for_each(|(to, from)| *to = *from);
        match (&mut self.torques, sample.virial) {
            (Some(torques), Some(_)) => torques[row] = dot(sample.torque, sample.torque),
            _ => self.torques = None,
        }
    }

    /// Returns the weighted mean of energy and forces.
    pub fn mean(&self, weights: &[f64]) -> Mean {
        let weights = Array1::from(weights.to_vec());
        // Differences from the first energy keep the small differences of large energies.
        let first = self.energies[0];
        Mean { energy: first + self.energies.mapv(|e| e - first).dot(&weights), forces: weights.dot(&self.forces) }
    }
}

/// Energy (eV, without reference energies) and forces (`[3N]`, eV/Å) of a model or of an average.
#[derive(Clone, Debug)]
pub struct Mean {
    /// eV.
    pub energy: f64,
    /// `[3N]`, eV/Å.
    pub forces: Array1<f64>,
}

impl Mean {
    /// Returns the squared difference of the energies per atom, eV², and the mean square over components of the
    /// difference of the forces, (eV/Å)².
    pub fn squares(&self, other: &Self) -> [f64; 2] {
        let atoms = (self.forces.len() / 3).max(1) as f64;
        let forces: f64 = self.forces.iter().zip(&other.forces).map(|(a, b)| (a - b).powi(2)).sum();
        [((self.energy - other.energy) / atoms).powi(2), forces / (3.0 * atoms)]
    }

    /// Returns the mean of the two.
    pub fn between(&self, other: &Self) -> Self {
        Self { energy: 0.5 * (self.energy + other.energy), forces: 0.5 * (&self.forces + &other.forces) }
    }
}

/// Results on a grid of rotations and their inversions, fine enough to stand for the mean over O(3).
#[derive(Clone, Debug)]
pub struct Reference {
    /// The rotations, without inversion `[n]`.
    pub grid: Quadrature,
    /// Results at R.
    pub proper: Samples,
    /// Results at -R.
    pub inverted: Samples,
    /// Mean over R and -R.
    pub mean: Mean,
}

impl Reference {
    /// Evaluates the graph at R and -R for each R of the grid.
    ///
    /// # Errors
    /// See [`Evaluator::samples`].
    pub fn measure(evaluator: &mut Evaluator, graph: &Graph, grid: Quadrature) -> Result<Self> {
        let proper = evaluator.samples(graph, &grid.rotations)?;
        let inverted = evaluator.samples(graph, &inversions(&grid.rotations))?;
        let mean = proper.mean(&grid.weights).between(&inverted.mean(&grid.weights));
        Ok(Self { grid, proper, inverted, mean })
    }

    /// Returns the difference of the means: energy per atom, eV, and root mean square of the forces, eV/Å.
    pub fn difference(&self, other: &Self) -> [f64; 2] {
        self.mean.squares(&other.mean).map(f64::sqrt)
    }

    /// Returns the weighted mean over R and -R of a function of the samples and a row (the index of R).
    fn over(&self, number: impl Fn(&Samples, usize) -> f64) -> f64 {
        let both = |row| 0.5 * (number(&self.proper, row) + number(&self.inverted, row));
        self.grid.weights.iter().enumerate().map(|(row, weight)| weight * both(row)).sum()
    }

    /// Returns the variance over O(3) of each component of the forces `[3N]`, (eV/Å)².
    fn force_variances(&self) -> Array1<f64> {
        let mut sum = Array1::zeros(self.mean.forces.len());
        for samples in [&self.proper, &self.inverted] {
            for (row, weight) in samples.forces.rows().into_iter().zip(&self.grid.weights) {
                let deviation = &row - &self.mean.forces;
                sum.scaled_add(0.5 * weight, &(&deviation * &deviation));
            }
        }
        sum
    }
}

/// Returns -R for each R.
pub(super) fn inversions(rotations: &[Matrix3]) -> Vec<Matrix3> {
    rotations.iter().map(tumble_core::rotation::negate).collect()
}

/// Measures of the broken symmetry of one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetry {
    /// Number of atoms N.
    pub atoms: usize,
    /// Mean of the energy over O(3), reference energies included, eV.
    pub energy: f64,
    /// Root mean square of the components of the mean forces, eV/Å.
    pub force: f64,
    /// Standard deviation over O(3) of the energy per atom, eV.
    pub energy_spread: f64,
    /// Root mean square over components of the standard deviation of the forces, eV/Å.
    pub force_spread: f64,
    /// Root mean square over O(3) of the length of the model's torque on the whole structure, eV; `None` for direct
    /// forces without a stress.
    pub torque: Option<f64>,
    /// Whether the structure is periodic along all three cell vectors.
    pub periodic: bool,
    /// Root mean square over O(3) of the axial vector of the virial's antisymmetric part, half the torque, over the
    /// volume, eV/Å^3; `None` without a volume.
    pub antisymmetric: Option<f64>,
    /// Root mean square over R of the difference between R and -R: energy per atom, eV.
    pub energy_parity: f64,
    /// Root mean square over R and components of the difference of the forces between R and -R, eV/Å.
    pub force_parity: f64,
    /// Mean over atoms of σ²/m, σ² the variance of the force vector under a random orientation, (eV/Å)²/u.
    pub noise_power: f64,
    /// The same for the atoms of each element.
    pub noise_powers: BTreeMap<u8, f64>,
}

impl Symmetry {
    /// Computes the measures from a reference.
    pub fn of(reference: &Reference, graph: &Graph, info: &ModelInfo) -> Self {
        let atoms = graph.n_atoms();
        let n = atoms.max(1) as f64;
        let variances = reference.force_variances();
        let vectors: Vec<f64> = variances.as_slice().unwrap_or(&[]).chunks(3).map(|v| v.iter().sum()).collect();
        let energy = reference.over(|s, row| (s.energies[row] - reference.mean.energy).powi(2));
        let torque = reference.torque();
        let (powers, noise_power) = noise(&graph.species, &vectors);
        let [energy_parity, force_parity] = reference.parity();
        Self {
            atoms,
            energy: reference.mean.energy + references(graph, info),
            force: (reference.mean.forces.iter().map(|f| f * f).sum::<f64>() / (3.0 * n)).sqrt(),
            energy_spread: energy.sqrt() / n,
            force_spread: (variances.sum() / (3.0 * n)).sqrt(),
            periodic: graph.volume.is_some(),
            antisymmetric: torque.zip(graph.volume).map(|(torque, volume)| 0.5 * torque / volume),
            torque,
            energy_parity,
            force_parity,
            noise_power,
            noise_powers: powers,
        }
    }
}

impl Reference {
    fn torque(&self) -> Option<f64> {
        let square = |samples: &Samples, row: usize| samples.torques.as_ref().map(|torques| torques[row]);
        square(&self.proper, 0).and(square(&self.inverted, 0))?;
        Some(self.over(|samples, row| square(samples, row).unwrap_or(0.0)).sqrt())
    }

    fn parity(&self) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for (row, weight) in self.grid.weights.iter().enumerate() {
            let [proper, inverted] = [&self.proper, &self.inverted]
                .map(|s| Mean { energy: s.energies[row], forces: s.forces.row(row).to_owned() });
            sums.iter_mut().zip(proper.squares(&inverted)).for_each(|(sum, square)| *sum += weight * square);
        }
        sums.map(f64::sqrt)
    }
}

/// Returns the sum of the reference energies of the atoms, eV.
fn references(graph: &Graph, info: &ModelInfo) -> f64 {
    let of = |z: &u8| info.reference_energies.get(z).copied().unwrap_or(0.0);
    graph.weights.iter().zip(&graph.species).map(|(weight, z)| weight * of(z)).sum()
}

/// Returns the mean of σ²/m over the atoms of each element, and over all atoms.
fn noise(species: &[u8], variances: &[f64]) -> (BTreeMap<u8, f64>, f64) {
    let mut sums = BTreeMap::<u8, (f64, f64)>::new();
    for (&z, variance) in species.iter().zip(variances) {
        let sum = sums.entry(z).or_default();
        *sum = (sum.0 + variance / mass(z), sum.1 + 1.0);
    }
    let (total, count) = sums.values().fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    (sums.iter().map(|(&z, (sum, count))| (z, sum / count)).collect(), total / f64::max(count, 1.0))
}
