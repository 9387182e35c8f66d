//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.

pub mod error;
pub mod graph;
pub mod onnx;
pub mod potential;
pub mod rotation;
pub mod system;
pub mod units;

pub use error::{Error, Result};
pub use graph::Graph;
pub use system::{Cell, System};
