//! A potential that breaks rotational symmetry with terms of pure degree ℓ.

use std::collections::BTreeMap;

use super::{Legendre, Polar, costs, evaluate_each, info, smooth, sum_over_edges};
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{ModelCosts, RecomputeLevel};
use crate::potential::{Forces, ModelInfo, Potential, Response};
use crate::rotation::{Matrix3, Vector3, dot, scale};

/// A potential with terms of pure degree ℓ = 1, 2, 4. The energy of a center is q Σ_edges f(r) [1 + Σ_ℓ a_ℓ P_ℓ(cos
/// θ)], with f(r) = (1 - (r / cutoff)²)³, the angle θ between the edge and z, and the charge q (eV) of the center's
/// species.
///
/// In a full list P_1 cancels between the two directions of an edge, up to the difference of the charges.
///
/// Over all rotations, with weights w and the amplitude A_e = w q f(r_e) of edge e:
/// - the mean is the isotropic part: energy Σ_e A_e, gradients w q f'(r) r̂;
/// - the variance of the energy is Σ_ee' A_e A_e' Σ_ℓ a_ℓ² P_ℓ(r̂_e · r̂_e') / (2ℓ + 1), thus A² Σ_ℓ a_ℓ² / (2ℓ + 1)
///   for one edge;
/// - the mean of |g - mean g|² of one edge's gradient g, rotated back, is
///   (w q)² [f'² Σ_ℓ a_ℓ² / (2ℓ + 1) + (f / r)² Σ_ℓ a_ℓ² ℓ(ℓ + 1) / (2ℓ + 1)];
/// - the share of one edge in the spurious torque is r × g = A Σ_ℓ a_ℓ P_ℓ'(cos θ) r̂ × z; its mean is 0, and its mean
///   square A² Σ_ℓ a_ℓ² ℓ(ℓ + 1) / (2ℓ + 1).
#[derive(Clone, Debug)]
pub struct HarmonicToy {
    info: ModelInfo,
    charges: BTreeMap<u8, f64>,
    strengths: Legendre,
}

impl HarmonicToy {
    /// A potential for the species in `charges` (atomic number, q in eV); `cutoff` in Å.
    pub fn new(cutoff: f64, charges: &[(u8, f64)], strengths: Legendre) -> Self {
        let charges: BTreeMap<_, _> = charges.iter().copied().collect();
        let species = charges.keys().copied().collect();
        Self { info: info("harmonic toy", cutoff, 1, species, vec![Forces::Conservative]), charges, strengths }
    }

    /// Returns the mean over all rotations of the energy of each center `[C]`, eV.
    ///
    /// # Panics
    /// This and the next two methods panic if the graph has a species without a charge.
    pub fn mean_atomic_energies(&self, graph: &Graph) -> Vec<f64> {
        let edge = |edge| smooth(Polar::new(graph.vectors[edge]).r, self.info.cutoff).0;
        (0..graph.n_centers())
            .map(|c| self.charges[&graph.species[c]] * graph.edges(c).map(edge).sum::<f64>())
            .collect()
    }

    /// Returns the mean over all rotations of the edge gradients, rotated back to the frame of the graph `[E]`, eV/Å.
    pub fn mean_gradients(&self, graph: &Graph) -> Vec<Vector3> {
        let gradient = |(center, edge): (usize, usize)| {
            let polar = Polar::new(graph.vectors[edge]);
            let charge = graph.weights[center] * self.charges[&graph.species[center]];
            scale(polar.unit, charge * smooth(polar.r, self.info.cutoff).1)
        };
        graph.center_edges().map(gradient).collect()
    }

    /// Returns the variance over all rotations of the total energy Σ weights · atomic energies, eV², in a time of order
    /// E².
    pub fn energy_variance(&self, graph: &Graph) -> f64 {
        let amplitude = |(center, edge): (usize, usize)| {
            let polar = Polar::new(graph.vectors[edge]);
            let charge = graph.weights[center] * self.charges[&graph.species[center]];
            (charge * smooth(polar.r, self.info.cutoff).0, polar.unit)
        };
        let edges: Vec<_> = graph.center_edges().map(amplitude).collect();
        let with_all = |(a, u): &(f64, Vector3)| -> f64 {
            edges.iter().map(|(b, v)| a * b * self.strengths.covariance(dot(*u, *v))).sum()
        };
        edges.iter().map(with_all).sum()
    }
}

impl Potential for HarmonicToy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        evaluate_each(&self.info, graph, rotations, forces, |edges| {
            sum_over_edges(graph, |center, edge| {
                let (polar, q) = (&edges[edge], self.charges[&graph.species[center]]);
                let (f, slope) = smooth(polar.r, self.info.cutoff);
                let angular = 1.0 + self.strengths.value(polar.cosine);
                let by_cosine = f * self.strengths.derivative(polar.cosine);
                (q * f * angular, scale(polar.gradient(slope * angular, by_cosine), q))
            })
        })
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        costs()
    }
}
