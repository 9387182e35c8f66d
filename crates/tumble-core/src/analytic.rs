//! Small analytic potentials of known angular content, for tests and for teaching.
//!
//! They stand in for a model that is not exactly rotation-invariant: their energies depend on the angle between edges
//! and a fixed axis z of the replica's frame, through Legendre polynomials P_ℓ(cos θ). The exact average over
//! rotations, and the deviation of a single orientation from it, follow from the addition theorem: the mean over all
//! rotations <P_ℓ(û·z) P_k(v̂·z)> is δ_ℓk P_ℓ(û·v̂) / (2ℓ + 1).
//!
//! | potential | hops | forces | angular content |
//! |---|---|---|---|
//! | [`PairToy`] | 1 | conservative | none |
//! | [`HarmonicToy`] | 1 | conservative | ℓ = 1, 2, 4, with separate strengths |
//! | [`TwoHopToy`] | 2 | conservative | all ℓ, from a nonlinear function of ℓ = 1 |
//! | [`DirectToy`] | 1 | direct, or the conservative forces of its mean | ℓ = 1, 2, 4, with separate strengths |
//!
//! Energies in eV, lengths in Å.

mod direct;
mod harmonic;
mod legendre;
mod pair;
mod two_hop;

pub use direct::DirectToy;
pub use harmonic::HarmonicToy;
pub use legendre::Legendre;
pub use pair::PairToy;
pub use two_hop::TwoHopToy;

use crate::error::Result;
use crate::graph::Graph;
use crate::planner::ModelCosts;
use crate::potential::{Derivative, Forces, ModelInfo, Response};
use crate::rotation::{Matrix3, Vector3, apply, dot, scale};

/// An edge in polar coordinates about z.
#[derive(Clone, Copy)]
struct Polar {
    /// Length, Å.
    r: f64,
    /// Unit vector along the edge.
    unit: Vector3,
    /// Cosine of the angle with z.
    cosine: f64,
}

impl Polar {
    fn new(v: Vector3) -> Self {
        let r = dot(v, v).sqrt();
        let unit = scale(v, 1.0 / r);
        Self { r, unit, cosine: unit[2] }
    }

    /// Returns the gradient of a function of r and cos θ: ∂/∂r r̂ + ∂/∂(cos θ) (z - cos θ r̂) / r.
    fn gradient(&self, by_r: f64, by_cosine: f64) -> Vector3 {
        let across = by_cosine / self.r;
        let mut gradient = scale(self.unit, by_r - across * self.cosine);
        gradient[2] += across;
        gradient
    }
}

/// Smooth cutoff f(r) = (1 - (r / cutoff)²)³ and df/dr; f and its first two derivatives vanish at the cutoff.
fn smooth(r: f64, cutoff: f64) -> (f64, f64) {
    let rest = (1.0 - (r / cutoff).powi(2)).max(0.0);
    (rest.powi(3), -6.0 * r / (cutoff * cutoff) * rest.powi(2))
}

/// Description of an analytic potential; an empty `species` means all.
fn info(name: &str, cutoff: f64, hops: usize, species: Vec<u8>, forces: Vec<Forces>) -> ModelInfo {
    let species = if species.is_empty() { (1..=118).collect() } else { species };
    let reference_energies = Default::default();
    ModelInfo {
        name: name.into(),
        cutoff,
        hops,
        whole: false,
        species,
        reference_energies,
        forces,
        ensemble: false,
        outputs: Vec::new(),
        conditions: vec![],
        whole_numbers: vec![],
    }
}

/// Returns one response per rotation, from the edges `[E]` of the rotated graph.
fn evaluate_each(
    info: &ModelInfo,
    graph: &Graph,
    rotations: &[Matrix3],
    forces: Forces,
    respond: impl Fn(&[Polar]) -> Response,
) -> Result<Vec<Response>> {
    info.check_forces(forces)?;
    info.check_species(&graph.species)?;
    let rotated = |rotation| graph.vectors.iter().map(|v| Polar::new(apply(rotation, *v))).collect::<Vec<_>>();
    Ok(rotations.iter().map(|rotation| respond(&rotated(rotation))).collect())
}

/// Sums edge terms and their gradients into energies `[C]` and gradients `[E]`.
fn sum_over_edges(graph: &Graph, term: impl Fn(usize, usize) -> (f64, Vector3)) -> Response {
    let mut atomic_energies = vec![0.0; graph.n_centers()];
    let mut gradients = vec![[0.0; 3]; graph.n_edges()];
    for (center, edge) in graph.center_edges() {
        let (energy, gradient) = term(center, edge);
        atomic_energies[center] += energy;
        gradients[edge] = scale(gradient, graph.weights[center]);
    }
    let derivative = Derivative::EdgeGradients(gradients);
    Response { atomic_energies, ensemble_energies: vec![], derivative, member_derivatives: vec![], outputs: vec![] }
}

/// Costs of an analytic potential: polar edges and gradients `[E]`, and a few numbers per atom `[N]`.
fn costs() -> ModelCosts {
    ModelCosts {
        bytes_per_slot: size_of::<Polar>() + size_of::<Vector3>(),
        bytes_per_atom: size_of::<Vector3>(),
        ..ModelCosts::default()
    }
}

#[cfg(test)]
mod tests;
