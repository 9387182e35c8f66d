//! The LAMMPS pair style's side in Rust (unsafe: symbols that LAMMPS looks for).
//!
//! The modules know LAMMPS' data, but not LAMMPS; `bridge`, with the feature `plugin`, is what C++ calls.

pub mod agreement;
pub mod axes;
#[cfg(feature = "plugin")]
pub mod bridge;
pub mod build_id;
pub mod error;
pub mod fold;
pub mod integers;
pub mod keywords;
pub mod masses;
pub mod place;
pub mod step;

pub use error::{Error, Result};
