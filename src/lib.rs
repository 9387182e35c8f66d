//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.
//!
//! A model is exported to ONNX once (`docs/model-contract.md`); a [`Calculator`] runs it, averaged over rotations or
//! turned at random, and says by how much its symmetry is broken:
//!
//! ```no_run
//! use std::path::Path;
//! use tumble::{Settings, load, open};
//!
//! # fn main() -> tumble::Result<()> {
//! let settings = Settings { mitigation: "octahedral+inversion".parse()?, ..Settings::default() };
//! let mut calculator = load(Path::new("water-pet.onnx"), &settings)?;
//! for (step, frame) in open(Path::new("water.xyz"))?.enumerate() {
//!     let evaluation = calculator.evaluate_system(&frame?.system, step as u64)?;
//!     println!("{} eV, spread {} eV", evaluation.energy, evaluation.spread.energy);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Å, eV and u everywhere; more conventions at the head of [`tumble_core`].
//!
//! # Map
//!
//! This package has the command line and these names. What they do lives in the crates of the workspace, each of which
//! may use those above it:
//!
//! | crate | what lives there |
//! |---|---|
//! | [`tumble_core`] | structures, neighbor graphs, rotations, quadratures, averages, multiple time stepping, settings |
//! | [`tumble_xyz`] | extended XYZ and i-PI XYZ files |
//! | `tumble_ops` | fused kernels of tumble's ONNX operators |
//! | [`tumble_onnx`] | ONNX Runtime, model files, the contract between a model and tumble |
//! | [`tumble_engine`] | the evaluation of a model: in one piece, or in stages and tiles, on several workers |
//! | [`tumble_ipi`] | i-PI's protocol, sockets, the client of the force server |
//! | [`tumble_server`] | the event loop behind `tumble serve` and `tumble ipi` |
//! | [`tumble_check`] | `tumble check`: how far the symmetry is broken, and what to do about it |
//! | [`tumble_lammps`] | the LAMMPS pair style, with `cpp/` and `include/tumble/` |
//! | `tumble_capi` | the C interface, `include/tumble.h` |
//!
//! From positions to forces: see `docs/architecture.md`.

#![forbid(unsafe_code)]

mod error;

pub use error::{Error, Result};
pub use tumble_core::{Calculator, Evaluation, Graph, Mitigation, Quadrature, Settings, System};
pub use tumble_engine::{OnnxPotential, load};
pub use tumble_xyz::{Frame, open};
