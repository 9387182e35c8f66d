//! Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant.
//!
//! You export a model to ONNX once (`docs/model-contract.md`). A [`Calculator`] then evaluates it, averaged over a grid
//! of rotations or in a random orientation, and reports how much the rotational symmetry is broken:
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
//! Units are Å, eV and u everywhere; [`tumble_core`] lists the other conventions.
//!
//! # Map
//!
//! This package holds the command line and re-exports the names below. The implementation is in the crates of the
//! workspace; each crate may use the crates above it:
//!
//! | crate | contents |
//! |---|---|
//! | [`tumble_core`] | structures, neighbor graphs, rotations, quadratures, averages, time stepping, settings |
//! | [`tumble_xyz`] | extended XYZ and i-PI XYZ files |
//! | `tumble_ops` | fused kernels of tumble's ONNX operators |
//! | [`tumble_onnx`] | ONNX Runtime, model files, the contract between a model and tumble |
//! | [`tumble_engine`] | evaluation of a model: in one piece, or in stages and tiles, on several workers |
//! | [`tumble_ipi`] | i-PI's protocol, sockets, the client of the force server |
//! | [`tumble_server`] | the event loop behind `tumble serve` and `tumble ipi` |
//! | [`tumble_check`] | `tumble check`: size of the symmetry error, and recommended settings |
//! | [`tumble_lammps`] | the LAMMPS pair style, with `cpp/` and `include/tumble/` |
//! | `tumble_capi` | the C interface, `include/tumble.h` |
//!
//! `docs/architecture.md` follows a step from positions to forces.

#![forbid(unsafe_code)]

mod error;

pub use error::{Error, LammpsError, Result};
pub use tumble_core::{Calculator, Evaluation, Graph, Mitigation, Quadrature, Settings, System};
pub use tumble_engine::{OnnxPotential, load, load_models};
pub use tumble_xyz::{Frame, open};
