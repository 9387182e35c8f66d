//! A potential with direct forces, not the gradient of its energy.

use super::{Legendre, Polar, costs, evaluate_each, info, smooth, sum_over_edges};
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{ModelCosts, RecomputeLevel};
use crate::potential::{Derivative, Forces, ModelInfo, Potential, Response};
use crate::rotation::{Matrix3, add, scale};

/// A potential with direct forces. The force on a center is -(strength / cutoff) Σ_edges f(r) [1 + Σ_ℓ a_ℓ P_ℓ(cos θ)]
/// v, with the edge vector v, its angle θ with z, f(r) = (1 - (r / cutoff)²)³ and ℓ = 1, 2, 4.
///
/// The mean over all rotations of the forces, rotated back, is -(strength / cutoff) Σ f v. It is the force of the
/// invariant energy ½ Σ_edges φ(r), φ(r) = strength · cutoff / 8 · (1 - (r / cutoff)²)⁴. The potential returns this
/// energy, and its gradients if conservative forces are requested. For a center with one edge, the mean over all
/// rotations of |F - mean F|² is (strength · f · r / cutoff)² Σ_ℓ a_ℓ² / (2ℓ + 1). The direct forces are not a
/// gradient, and ℓ = 1 leaves a net force.
///
/// The stress is (1 / volume) Σ_edges w v ⊗ ½ dφ/dv [1 + Σ_ℓ a_ℓ P_ℓ(cos θ)], with the center's weight w.
#[derive(Clone, Debug)]
pub struct DirectToy {
    info: ModelInfo,
    strength: f64,
    strengths: Legendre,
    with_stress: bool,
}

impl DirectToy {
    /// A potential for all species, without stress; `cutoff` in Å, `strength` in eV/Å.
    pub fn new(cutoff: f64, strength: f64, strengths: Legendre) -> Self {
        let forces = vec![Forces::Direct, Forces::Conservative];
        Self { info: info("direct toy", cutoff, 1, vec![], forces), strength, strengths, with_stress: false }
    }

    /// Also returns a stress, if the graph has a volume.
    pub fn with_stress(self) -> Self {
        Self { with_stress: true, ..self }
    }

    /// Energies and gradients of the invariant energy.
    fn conservative(&self, graph: &Graph, edges: &[Polar]) -> Response {
        let cutoff = self.info.cutoff;
        sum_over_edges(graph, |_, edge| {
            let Polar { r, unit, .. } = edges[edge];
            let rest = (1.0 - (r / cutoff).powi(2)).max(0.0);
            let gradient = scale(unit, -0.5 * self.strength * r / cutoff * rest.powi(3));
            (self.strength * cutoff / 16.0 * rest.powi(4), gradient)
        })
    }

    fn direct(&self, graph: &Graph, edges: &[Polar]) -> Response {
        let mut forces = vec![[0.0; 3]; graph.n_centers()];
        let mut virial = [[0.0; 3]; 3];
        for (center, edge) in graph.center_edges() {
            let Polar { r, unit, cosine } = edges[edge];
            let f = self.strength / self.info.cutoff * smooth(r, self.info.cutoff).0;
            let force = scale(unit, -f * r * (1.0 + self.strengths.value(cosine)));
            forces[center] = add(forces[center], force);
            let half = scale(unit, 0.5 * graph.weights[center] * r);
            virial = [0, 1, 2].map(|i| add(virial[i], scale(force, half[i])));
        }
        let stress = graph.volume.filter(|_| self.with_stress).map(|volume| virial.map(|row| scale(row, 1.0 / volume)));
        let derivative = Derivative::Direct { forces, stress };
        Response { derivative, ..self.conservative(graph, edges) }
    }
}

impl Potential for DirectToy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        evaluate_each(&self.info, graph, rotations, forces, |edges| match forces {
            Forces::Conservative => self.conservative(graph, edges),
            Forces::Direct => self.direct(graph, edges),
        })
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        costs()
    }
}
