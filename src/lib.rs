//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.

pub mod average;
#[cfg(feature = "lammps")]
pub mod bridge;
pub mod calculator;
pub mod elements;
pub mod error;
pub mod graph;
pub mod lammps;
pub mod neighbors;
pub mod onnx;
pub mod potential;
pub mod quadrature;
pub mod rotation;
pub mod system;
pub mod toys;
pub mod units;
pub mod xyz;

pub use calculator::{Calculator, Evaluation, Settings};
pub use error::{Error, Result};
pub use graph::Graph;
pub use quadrature::{Mitigation, Quadrature};
pub use system::{Cell, System};
