//! From a graph to the tensors of 24 replicas, and from the outputs of a model to an average.

use std::hint::black_box;

use tumble_core::Graph;
use tumble_core::Quadrature;
use tumble_core::Result;
use tumble_core::analytic::PairToy;
use tumble_core::average::{Request, average};
use tumble_core::neighbors;
use tumble_core::planner::{ModelCosts, RecomputeLevel};
use tumble_core::potential::{Derivative, Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::rotation::{Matrix3, apply};
use tumble_engine::bench_support::TensorIo;
use tumble_onnx::contract::metadata::Layout;

use super::{CUTOFF, Unit, structures};

fn graph() -> Graph {
    neighbors::graph(&structures::water(1), CUTOFF).expect("water has a graph")
}

/// Packs atoms, edges and rotated edge vectors into tensors.
pub fn packing(layout: Layout) -> Unit {
    let (graph, grid, mut tensors) = (graph(), Quadrature::octahedral(), TensorIo::new(layout, CUTOFF));
    Box::new(move || {
        tensors.pack(black_box(&[Replicas { graph: &graph, rotations: &grid.rotations }]));
        black_box(tensors.edge_vectors());
    })
}

/// Unpacks gradients from the slots of the padded layout. They belong to Σ v²/2, so they are the edge vectors.
pub fn unpacking() -> Unit {
    let (graph, grid, mut tensors) = (graph(), Quadrature::octahedral(), TensorIo::new(Layout::Padded, CUTOFF));
    tensors.pack(&[Replicas { graph: &graph, rotations: &grid.rotations }]);
    let values = tensors.edge_vectors().to_vec();
    Box::new(move || {
        black_box(tensors.gradients(black_box(&values))).expect("the gradients are finite");
    })
}

/// Rotates forces back, and computes virial, mean and spread.
pub fn averaging() -> Unit {
    let (graph, grid) = (graph(), Quadrature::octahedral());
    let mut potential = Remembered::new(&graph, &grid.rotations);
    let request = Request::new(Forces::Conservative, usize::MAX);
    Box::new(move || {
        black_box(average(&mut potential, black_box(&graph), &grid, &request)).expect("all responses are there");
    })
}

/// Stored responses of the harmonic springs U = Σ v²/2 between all neighbors, so that no model is measured.
struct Remembered {
    info: ModelInfo,
    responses: Vec<Response>,
}

impl Remembered {
    fn new(graph: &Graph, rotations: &[Matrix3]) -> Self {
        let response = |rotation| Response {
            atomic_energies: vec![1.0; graph.n_centers()],
            ensemble_energies: vec![],
            member_derivatives: vec![],
            derivative: Derivative::EdgeGradients(graph.vectors.iter().map(|v| apply(rotation, *v)).collect()),
            outputs: vec![],
        };
        let info = PairToy::new(CUTOFF, 1.0).info().clone();
        Self { info, responses: rotations.iter().map(response).collect() }
    }
}

impl Potential for Remembered {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, _: &Graph, rotations: &[Matrix3], _: Forces) -> Result<Vec<Response>> {
        assert_eq!(rotations.len(), self.responses.len(), "all replicas are one batch");
        Ok(self.responses.clone())
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        ModelCosts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn springs_on_balanced_edges_give_no_force_and_no_spread() {
        let (graph, grid) = (graph(), Quadrature::octahedral());
        let request = Request::new(Forces::Conservative, usize::MAX);
        let mean = average(&mut Remembered::new(&graph, &grid.rotations), &graph, &grid, &request).unwrap();
        let square: f64 = graph.vectors.as_flattened().iter().map(|x| x * x).sum();
        let virial = mean.virial.unwrap();
        assert!((virial[0][0] + virial[1][1] + virial[2][2] + square).abs() < 1e-9 * square);
        assert!(mean.spread.force_rms() < 1e-12);
        assert_eq!(mean.evaluations, 24);
    }

    #[test]
    fn gradients_come_back_in_the_order_of_the_edges() {
        let (graph, grid) = (graph(), Quadrature::octahedral());
        for layout in [Layout::List, Layout::Padded] {
            let mut tensors = TensorIo::new(layout, CUTOFF);
            tensors.pack(&[Replicas { graph: &graph, rotations: &grid.rotations }]);
            let gradients = tensors.gradients(tensors.edge_vectors()).unwrap();
            for (rotation, gradients) in grid.rotations.iter().zip(gradients) {
                let expected = graph.vectors.iter().map(|v| apply(rotation, *v).map(|x| f64::from(x as f32)));
                assert!(gradients.into_iter().eq(expected));
            }
        }
    }
}
