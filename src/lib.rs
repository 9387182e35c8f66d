//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.
//!
//! A model is exported to ONNX once (`docs/model-contract.md`); a [`Calculator`] runs it, averaged over rotations or
//! turned at random, and says by how much it is broken:
//!
//! ```no_run
//! use std::path::Path;
//! use tumble::{Calculator, Settings, xyz};
//!
//! # fn main() -> tumble::Result<()> {
//! let settings = Settings { mitigation: "octahedral".into(), inversion: true, ..Settings::default() };
//! let mut calculator = load(Path::new("water-pet.onnx"), &settings)?;
//! for (step, frame) in xyz::open(Path::new("water.xyz"))?.enumerate() {
//!     let evaluation = calculator.evaluate_system(&frame?.system, step as u64)?;
//!     println!("{} eV, spread {} eV", evaluation.energy, evaluation.spread.energy);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Conventions
//!
