//! What LAMMPS hands over and what it gets back, apart from the bridge itself.

pub mod build_id;
pub mod fold;
pub mod step;
