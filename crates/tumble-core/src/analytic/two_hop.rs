//! A message-passing potential: the energy of an atom depends on its neighbors' neighbors.

use super::{Polar, costs, evaluate_each, info, smooth};
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{ModelCosts, RecomputeLevel};
use crate::potential::{Derivative, Forces, ModelInfo, Potential, Response};
use crate::rotation::{Matrix3, add, scale};

/// Scale s of the messages in tanh(m / s): about the message in a dense liquid, so that the gradients do not vanish.
const SCALE: f64 = 8.0;

/// A message-passing potential. Each center c sums m_c = Σ_edges f(r) (1 + tilt · cos θ) and sends t_c = tanh(m_c / 8).
/// Its energy is strength · t_c Σ_edges f(r) t_neighbor, with f(r) = (1 - (r / cutoff)²)³ and the angle θ between the
/// edge and z.
///
/// Atoms that are not centers have no edges, and thus message 0. Ghost centers send messages whatever their weight;
/// their energies are multiplied by the weight.
#[derive(Clone, Debug)]
pub struct TwoHopToy {
    info: ModelInfo,
    strength: f64,
    tilt: f64,
}

impl TwoHopToy {
    /// A potential for all species; `cutoff` in Å, `strength` in eV; a `tilt` of 0 makes it invariant.
    pub fn new(cutoff: f64, strength: f64, tilt: f64) -> Self {
        Self { info: info("two-hop toy", cutoff, 2, vec![], vec![Forces::Conservative]), strength, tilt }
    }

    /// Returns the message t of each atom `[N]`.
    fn messages(&self, graph: &Graph, edges: &[Polar]) -> Vec<f64> {
        let term = |edge: usize| smooth(edges[edge].r, self.info.cutoff).0 * (1.0 + self.tilt * edges[edge].cosine);
        let message = |center| (graph.edges(center).map(term).sum::<f64>() / SCALE).tanh();
        let others = std::iter::repeat_n(0.0, graph.n_atoms() - graph.n_centers());
        (0..graph.n_centers()).map(message).chain(others).collect()
    }

    /// Returns d(Σ weights · energies)/dm of each atom `[N]`, as the center of its edges and as a neighbor of others.
    fn message_gradients(&self, graph: &Graph, edges: &[Polar], t: &[f64]) -> Vec<f64> {
        let mut by_t = vec![0.0; graph.n_atoms()];
        for (center, edge) in graph.center_edges() {
            let neighbor = graph.neighbors[edge];
            let f = self.strength * graph.weights[center] * smooth(edges[edge].r, self.info.cutoff).0;
            by_t[center] += f * t[neighbor];
            by_t[neighbor] += f * t[center];
        }
        by_t.iter().zip(t).map(|(g, t)| g * (1.0 - t * t) / SCALE).collect()
    }

    fn respond(&self, graph: &Graph, edges: &[Polar]) -> Response {
        let t = self.messages(graph, edges);
        let by_message = self.message_gradients(graph, edges, &t);
        let mut atomic_energies = vec![0.0; graph.n_centers()];
        let mut gradients = vec![[0.0; 3]; graph.n_edges()];
        for (center, edge) in graph.center_edges() {
            let (polar, (f, slope)) = (&edges[edge], smooth(edges[edge].r, self.info.cutoff));
            let product = self.strength * t[center] * t[graph.neighbors[edge]];
            atomic_energies[center] += f * product;
            let message = polar.gradient(slope * (1.0 + self.tilt * polar.cosine), f * self.tilt);
            let energy = scale(polar.unit, graph.weights[center] * slope * product);
            gradients[edge] = add(energy, scale(message, by_message[center]));
        }
        let derivative = Derivative::EdgeGradients(gradients);
        Response { atomic_energies, ensemble_energies: vec![], derivative, member_derivatives: vec![], outputs: vec![] }
    }
}

impl Potential for TwoHopToy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        evaluate_each(&self.info, graph, rotations, forces, |edges| self.respond(graph, edges))
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        costs()
    }
}
