//! Packing and unpacking of tensors for benchmarks, without a model.

use tumble_core::potential::Replicas;
use tumble_core::rotation::Vector3;
use tumble_onnx::contract::metadata::Layout;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::unpacking;

/// The work of [`OnnxPotential`](crate::model::OnnxPotential) before and after a run, by the same code, for a model in
/// single precision, Å and eV.
pub struct TensorIo(Tensors<f32>);

impl TensorIo {
    /// Creates empty tensors; `cutoff` in Å.
    pub fn new(layout: Layout, cutoff: f64) -> Self {
        Self(Tensors::new(layout, cutoff, 1.0))
    }

    /// Fills the tensors with one replica of each graph for each of its rotations.
    pub fn pack(&mut self, work: &[Replicas]) {
        self.0.pack(work);
    }

    /// Returns the rotated edge vectors R v, `[ΣS, 3]`, Å.
    pub fn edge_vectors(&self) -> &[f32] {
        self.0.edge_vectors.as_flattened()
    }

    /// Reads the edge gradients of each replica, `[B][E]`, eV/Å, from an output `[ΣS, 3]`; the error is the position of
    /// a number that is not finite.
    pub fn gradients(&self, values: &[f32]) -> Result<Vec<Vec<Vector3>>, usize> {
        unpacking::gradients(values, 1.0, &self.0)
    }
}
