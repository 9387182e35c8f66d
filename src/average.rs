//! Rotate in, evaluate, rotate back, average with the weights of a quadrature, and measure the spread.

use crate::error::Result;
use crate::graph::Graph;
use crate::potential::{Derivative, Forces, Potential, Response};
use crate::quadrature::Quadrature;
use crate::rotation::{IDENTITY, Matrix3, Vector3, apply_transposed, cross, multiply, sub, transpose};

/// Energy and its derivatives, averaged over rotations; laboratory frame, eV and Å.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Σ weights · atomic energies, eV. Under domain decomposition: this rank's share.
    pub energy: f64,
    /// Energy of each center, reference energies included `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Forces on all atoms of the graph `[N]`, eV/Å. Under domain decomposition those on ghosts are to be sent home.
    pub forces: Vec<Vector3>,
    /// -dU/d(strain), symmetrised, eV; `None` if a direct-force model gives no stress.
    pub virial: Option<Matrix3>,
    /// Torque that the model exerts on the whole system, eV: what symmetrising the virial discards, zero for an
    /// exactly invariant model.
    pub torque: Vector3,
    /// Standard deviations over the replicas.
    pub spread: Spread,
    /// Energy of each replica in the order of the quadrature, reference energies included, eV.
    pub replica_energies: Vec<f64>,
    /// Number of replicas evaluated.
    pub evaluations: usize,
}

/// Weighted standard deviations over replicas, units as in [`Evaluation`]; all zero for a single replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// Of the energy, eV.
    pub energy: f64,
    /// Of the energy of each center `[C]`, eV.
    pub atomic_energies: Vec<f64>,
    /// Of each component of the forces `[N]`, eV/Å.
    pub forces: Vec<Vector3>,
    /// Of each component of the virial, eV.
    pub virial: Option<Matrix3>,
}

impl Evaluation {
    /// Whether there was more than one replica, so that there is a spread.
    pub fn replicated(&self) -> bool {
        self.replica_energies.len() > 1
    }
}

impl Spread {
    /// Root mean square over all components of the forces, eV/Å.
    pub fn force_rms(&self) -> f64 {
        let components = self.forces.as_flattened();
        (components.iter().map(|s| s * s).sum::<f64>() / components.len().max(1) as f64).sqrt()
    }
}

/// Evaluates the graph at every rotation of the quadrature, in batches that fit into `memory` bytes where one replica
/// does, and averages. The order of all sums is fixed by the quadrature, so that two runs agree to the last bit.
///
/// # Errors
/// Those of the potential.
pub fn average(
    potential: &mut dyn Potential,
    graph: &Graph,
    quadrature: &Quadrature,
    forces: Forces,
    memory: usize,
) -> Result<Evaluation> {
    if graph.weights.iter().all(|&weight| weight == 0.0) {
        return Ok(nothing(graph, quadrature));
    }
    let batch = (memory / potential.bytes_per_replica(graph).max(1)).max(1);
    let mut moments = Moments::default();
    let pairs = quadrature.rotations.chunks(batch).zip(quadrature.weights.chunks(batch));
    for (rotations, weights) in pairs {
        let responses = potential.evaluate(graph, rotations, forces)?;
        for ((response, rotation), &weight) in responses.into_iter().zip(rotations).zip(weights) {
            moments.add(Sample::new(graph, response, rotation), weight);
        }
    }
    Ok(moments.finish(graph, &potential.info().reference_energies))
}

/// What a rank without atoms contributes.
fn nothing(graph: &Graph, quadrature: &Quadrature) -> Evaluation {
    let (atoms, centers) = (vec![[0.0; 3]; graph.n_atoms()], vec![0.0; graph.n_centers()]);
    let virial = Some([[0.0; 3]; 3]);
    let spread = Spread { atomic_energies: centers.clone(), forces: atoms.clone(), virial, ..Spread::default() };
    Evaluation {
        atomic_energies: centers,
        forces: atoms,
        virial,
        spread,
        replica_energies: vec![0.0; quadrature.rotations.len()],
        evaluations: quadrature.rotations.len(),
        ..Evaluation::default()
    }
}

/// One replica, turned back into the laboratory frame.
#[derive(Default)]
struct Sample {
    energy: f64,
    atomic_energies: Vec<f64>,
    forces: Vec<Vector3>,
    virial: Option<Matrix3>,
    torque: Vector3,
}

impl Sample {
    fn new(graph: &Graph, response: Response, rotation: &Matrix3) -> Self {
        let Response { atomic_energies, derivative, .. } = response;
        let energy = graph.weights.iter().zip(&atomic_energies).map(|(w, e)| w * e).sum();
        let mut sample = Self { energy, atomic_energies, ..Self::default() };
        match derivative {
            Derivative::EdgeGradients(gradients) => sample.add_gradients(graph, &gradients, rotation),
            Derivative::Direct { forces, stress } => sample.add_direct(graph, &forces, stress, rotation),
        }
        sample
    }

    /// F\[center\] += g, F\[neighbor\] -= g, W = -Σ r ⊗ g, with g turned back.
    fn add_gradients(&mut self, graph: &Graph, gradients: &[Vector3], rotation: &Matrix3) {
        self.forces = vec![[0.0; 3]; graph.n_atoms()];
        let mut virial = [[0.0; 3]; 3];
        for (center, edge) in graph.center_edges() {
            let gradient = apply_transposed(rotation, gradients[edge]);
            let vector = graph.vectors[edge];
            for a in 0..3 {
                self.forces[center][a] += gradient[a];
                self.forces[graph.neighbors[edge]][a] -= gradient[a];
                for b in 0..3 {
                    virial[a][b] -= vector[a] * gradient[b];
                }
            }
            // Σ x × F = -Σ r × g: the total torque needs no positions.
            self.torque = sub(self.torque, cross(vector, gradient));
        }
        self.virial = Some(symmetrised(&virial));
    }

    /// Forces of own centers, and W = -V stress where there is a volume.
    fn add_direct(&mut self, graph: &Graph, forces: &[Vector3], stress: Option<Matrix3>, rotation: &Matrix3) {
        self.forces = vec![[0.0; 3]; graph.n_atoms()];
        for ((force, direct), &weight) in self.forces.iter_mut().zip(forces).zip(&graph.weights) {
            *force = apply_transposed(rotation, *direct).map(|f| weight * f);
        }
        let (Some(stress), Some(volume)) = (stress, graph.volume) else { return };
        let back = multiply(&multiply(&transpose(rotation), &stress), rotation);
        self.virial = Some(symmetrised(&back).map(|row| row.map(|s| -volume * s)));
        self.torque = [(1, 2), (2, 0), (0, 1)].map(|(a, b)| -volume * (back[a][b] - back[b][a]));
    }
}

fn symmetrised(m: &Matrix3) -> Matrix3 {
    let mut result = IDENTITY;
    for a in 0..3 {
        for b in 0..3 {
            result[a][b] = 0.5 * (m[a][b] + m[b][a]);
        }
    }
    result
}

/// Weighted sums over replicas. All are of differences from the first replica, so that the variance of a large energy
/// does not drown in rounding.
#[derive(Default)]
struct Moments {
    first: Sample,
    total_weight: f64,
    energy: Sums,
    atomic_energies: Sums,
    forces: Sums,
    virial: Sums,
    torque: Sums,
    replica_energies: Vec<f64>,
}

impl Moments {
    fn add(&mut self, sample: Sample, weight: f64) {
        self.replica_energies.push(sample.energy);
        if self.replica_energies.len() == 1 {
            self.first = sample;
            // Differences of the first replica from itself: zeros that fix the lengths.
            let Sample { atomic_energies, forces, virial, .. } = &self.first;
            self.energy = Sums::zeros(1);
            self.atomic_energies = Sums::zeros(atomic_energies.len());
            self.forces = Sums::zeros(3 * forces.len());
            self.virial = Sums::zeros(if virial.is_some() { 9 } else { 0 });
            self.torque = Sums::zeros(3);
        } else {
            let first = &self.first;
            self.energy.add(&[sample.energy], &[first.energy], weight);
            self.atomic_energies.add(&sample.atomic_energies, &first.atomic_energies, weight);
            self.forces.add(sample.forces.as_flattened(), first.forces.as_flattened(), weight);
            self.virial.add(flat(&sample.virial), flat(&first.virial), weight);
            self.torque.add(&sample.torque, &first.torque, weight);
        }
        self.total_weight += weight;
    }

    fn finish(self, graph: &Graph, references: &std::collections::BTreeMap<u8, f64>) -> Evaluation {
        let reference = |center: usize| references.get(&graph.species[center]).copied().unwrap_or(0.0);
        let total = graph.weights.iter().enumerate().map(|(c, w)| w * reference(c)).sum::<f64>();
        let Sample { energy, mut atomic_energies, mut forces, mut virial, mut torque } = self.first;
        let spread = Spread {
            energy: self.energy.deviation(0),
            atomic_energies: self.atomic_energies.deviations(),
            forces: self.forces.deviations().as_chunks::<3>().0.to_vec(),
            virial: virial.map(|_| matrix(&self.virial.deviations())),
        };
        self.atomic_energies.shift(&mut atomic_energies);
        atomic_energies.iter_mut().enumerate().for_each(|(c, e)| *e += reference(c));
        self.forces.shift(forces.as_flattened_mut());
        self.torque.shift(&mut torque);
        if let Some(virial) = &mut virial {
            self.virial.shift(virial.as_flattened_mut());
        }
        Evaluation {
            energy: energy + self.energy.mean[0] + total,
            atomic_energies,
            forces,
            virial,
            torque,
            spread,
            evaluations: self.replica_energies.len(),
            replica_energies: self.replica_energies.iter().map(|e| e + total).collect(),
        }
    }
}

fn flat(virial: &Option<Matrix3>) -> &[f64] {
    virial.as_ref().map_or(&[], |v| v.as_flattened())
}

fn matrix(flat: &[f64]) -> Matrix3 {
    let (rows, _) = flat.as_chunks::<3>();
    [rows[0], rows[1], rows[2]]
}

/// Σ w d and Σ w d² of the differences d from the first replica; weights sum to one.
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

    /// Clipped at zero: some Lebedev rules have negative weights.
    fn deviation(&self, i: usize) -> f64 {
        (self.square[i] - self.mean[i] * self.mean[i]).max(0.0).sqrt()
    }

    fn deviations(&self) -> Vec<f64> {
        (0..self.mean.len()).map(|i| self.deviation(i)).collect()
    }
}
