//! What LAMMPS hands over and what it gets back, apart from the bridge itself.

pub mod agreement;
pub mod axes;
#[cfg(feature = "plugin")]
pub mod bridge;
pub mod build_id;
pub mod fold;
pub mod integers;
pub mod keywords;
pub mod masses;
pub mod place;
pub mod step;
