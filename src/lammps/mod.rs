//! What LAMMPS hands over and what it gets back, apart from the bridge itself.

#[cfg(feature = "lammps")]
pub mod build_id;
pub mod fold;
pub mod step;
