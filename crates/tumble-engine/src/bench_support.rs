//! For benches: tensors without a model.

use tumble_core::potential::Replicas;
use tumble_core::rotation::Vector3;
use tumble_onnx::contract::metadata::Layout;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::unpacking;

/// What [`OnnxPotential`](crate::model::OnnxPotential) does before and after the run of a model of single precision in Å and
/// eV, by the same code.
pub struct TensorIo(Tensors<f32>);

impl TensorIo {
    /// Empty tensors; `cutoff` in Å.
    pub fn new(layout: Layout, cutoff: f64) -> Self {
        Self(Tensors::new(layout, cutoff, 1.0))
    }

    /// Fills the tensors with one replica of each graph for each of its rotations.
    pub fn pack(&mut self, work: &[Replicas]) {
        self.0.pack(work);
    }

    /// R v `[ΣS, 3]`, Å.
    pub fn edge_vectors(&self) -> &[f32] {
        self.0.edge_vectors.as_flattened()
    }

    /// What is read from an output `[ΣS, 3]` of edge gradients, eV/Å: those of each replica's edges `[B][E]`, or the
    /// position of one that is not finite.
    pub fn gradients(&self, values: &[f32]) -> Result<Vec<Vec<Vector3>>, usize> {
        unpacking::gradients(values, 1.0, &self.0)
    }
}
