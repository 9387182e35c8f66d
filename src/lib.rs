//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.

pub mod calculator;
pub mod elements;
pub mod error;
pub mod graph;
pub mod potential;
pub mod rotation;
pub mod system;
pub mod xyz;

pub use error::{Error, Result};
pub use graph::Graph;
pub use system::{Cell, System};
