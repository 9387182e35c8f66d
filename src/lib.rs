//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.

pub mod error;
pub mod graph;
pub mod neighbors;
pub mod potential;
pub mod quadrature;
pub mod rotation;
pub mod system;
pub mod toys;

pub use error::{Error, Result};
pub use graph::Graph;
pub use quadrature::{Mitigation, Quadrature};
pub use system::{Cell, System};
