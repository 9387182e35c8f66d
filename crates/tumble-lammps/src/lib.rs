//! The Rust side of the LAMMPS pair style (unsafe: exported symbols of the LAMMPS plugin).
//!
//! The modules know LAMMPS' data, but not LAMMPS; `bridge`, with the feature `plugin`, is the interface for C++.

pub mod agreement;
pub mod atom_locator;
pub mod axes;
#[cfg(feature = "plugin")]
pub mod bridge;
pub mod build_id;
pub mod error;
pub mod exchange;
pub mod fold;
pub mod integers;
pub mod keywords;
pub mod masses;
pub mod pausable;
pub mod step;

pub use error::{Error, Result};
