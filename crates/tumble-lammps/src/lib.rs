//! The Rust side of the LAMMPS pair style (unsafe: exported symbols of the LAMMPS plugin).
//!
//! The modules know LAMMPS' data, but not LAMMPS; `bridge` is the interface for C++, and `sources` has the C++ side
//! itself.

pub mod agreement;
pub mod atom_locator;
pub mod axes;
pub mod bridge;
pub mod error;
pub mod exchange;
pub mod fold;
pub mod integers;
pub mod keywords;
pub mod lammps_build;
pub mod masses;
pub mod mpi_family;
pub mod pausable;
pub mod sources;
pub mod step;
pub mod version;
pub mod words;

pub use error::{Error, Result};
