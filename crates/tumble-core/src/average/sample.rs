//! The results of one replica, rotated back into the laboratory frame.

use super::Request;
use super::members::Members;
use crate::graph::Graph;
use crate::outputs::Output;
use crate::potential::{Derivative, ModelInfo, Response};
use crate::rotation::{Matrix3, Vector3, apply_transposed, cross, multiply, sub, symmetrized, transpose};

/// Results of one replica, laboratory frame, eV and Å; shapes as in [`Evaluation`](super::Evaluation).
#[derive(Clone, Default)]
pub struct Sample {
    /// Weighted sum of the atomic energies.
    pub energy: f64,
    /// Energies of the centers.
    pub atomic_energies: Vec<f64>,
    /// Forces on the atoms.
    pub forces: Vec<Vector3>,
    /// Symmetrized virial.
    pub virial: Option<Matrix3>,
    /// Torque on the whole system.
    pub torque: Vector3,
    /// Edge gradients; empty unless requested.
    pub edge_gradients: Vec<Vector3>,
    /// Energies of the centers from each member of an ensemble.
    pub ensemble_energies: Vec<Vec<f64>>,
    /// The other outputs.
    pub outputs: Vec<Output>,
    /// Results of the members of a committee.
    pub members: Members,
}

impl Sample {
    /// Rotates a model's response back by the replica's rotation.
    pub fn new(graph: &Graph, response: Response, rotation: &Matrix3, request: &Request) -> Self {
        let Response { atomic_energies, derivative, ensemble_energies, outputs, member_derivatives } = response;
        let energy = graph.weights.iter().zip(&atomic_energies).map(|(w, e)| w * e).sum();
        let outputs = outputs.into_iter().map(|output| output.of_structure(&graph.weights, rotation)).collect();
        let members = Members::of(member_derivatives, graph, rotation);
        let mut sample = Self { energy, atomic_energies, ensemble_energies, outputs, members, ..Self::default() };
        sample.add_derivative(graph, derivative, rotation, request.edge_gradients);
        sample
    }

    /// Adds forces and virial, rotated back, and the edge gradients if they are requested.
    pub(super) fn add_derivative(
        &mut self,
        graph: &Graph,
        derivative: Derivative,
        rotation: &Matrix3,
        edge_gradients: bool,
    ) {
        match derivative {
            Derivative::EdgeGradients(mut gradients) => {
                gradients.iter_mut().for_each(|g| *g = apply_transposed(rotation, *g));
                self.add_gradients(graph, &gradients);
                self.edge_gradients = if edge_gradients { gradients } else { Vec::new() };
            }
            Derivative::Direct { forces, stress } => self.add_direct(graph, &forces, stress, rotation),
        }
    }

    /// The zeros that a rank without atoms contributes.
    pub fn nothing(graph: &Graph, info: &ModelInfo) -> Self {
        let (atoms, centers) = (vec![[0.0; 3]; graph.n_atoms()], vec![0.0; graph.n_centers()]);
        let outputs = info.outputs.iter().map(|output| Output::zeros(output, graph.n_centers())).collect();
        Self { atomic_energies: centers, forces: atoms, virial: Some([[0.0; 3]; 3]), outputs, ..Self::default() }
    }

    /// Adds the edge gradients g: F\[center\] += g, F\[neighbor\] -= g, W = -Σ r ⊗ g.
    fn add_gradients(&mut self, graph: &Graph, gradients: &[Vector3]) {
        self.forces = vec![[0.0; 3]; graph.n_atoms()];
        let mut virial = [[0.0; 3]; 3];
        for (center, edge) in graph.center_edges() {
            let (vector, gradient) = (graph.vectors[edge], gradients[edge]);
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
        self.virial = Some(symmetrized(&virial));
    }

    /// Adds direct forces on own centers, and the virial W = -V stress if the graph has a volume.
    fn add_direct(&mut self, graph: &Graph, forces: &[Vector3], stress: Option<Matrix3>, rotation: &Matrix3) {
        self.forces = vec![[0.0; 3]; graph.n_atoms()];
        for ((force, direct), &weight) in self.forces.iter_mut().zip(forces).zip(&graph.weights) {
            *force = apply_transposed(rotation, *direct).map(|f| weight * f);
        }
        let (Some(stress), Some(volume)) = (stress, graph.volume) else { return };
        let back = multiply(&multiply(&transpose(rotation), &stress), rotation);
        self.virial = Some(symmetrized(&back).map(|row| row.map(|s| -volume * s)));
        self.torque = [(1, 2), (2, 0), (0, 1)].map(|(a, b)| -volume * (back[a][b] - back[b][a]));
    }
}
