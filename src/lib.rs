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
//! let mut calculator = Calculator::load(Path::new("water-pet.onnx"), &settings)?;
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
//! Å, eV and u inside, converted once at each door. Rows of a cell are its vectors. An edge vector is
//! x\[neighbor\] - x\[center\] of the image meant; lists are full. Forces are -dU/dx, the virial is -dU/d(strain),
//! symmetrized. A replica is one rotated copy of a graph; its edge vectors are R v. Random rotations are a pure
//! function of (seed, step, stream). Sums run in a fixed order: two runs agree to the last bit.
//!
//! # Map
//!
//! [`system`] → [`neighbors`] → [`graph`] (cut into [`blocks`] if it is big) → [`average`] over a [`quadrature`] of
//! [`rotation`]s → [`potential`] ([`onnx`], or the [`toys`] of the tests) → [`calculator`], with a [`policy`] and
//! multiple time [`stepping`], the entry for front ends that ask for one structure at a time: [`xyz`] files on the
//! command line, and LAMMPS ([`lammps`], and `bridge` with the feature `lammps`).
//!
//! Front ends that talk through sockets ([`net`]) bring several simulations at once, each with its own [`policy`]. A
//! [`scheduler`] queues what they ask for and evaluates it [`together`]. Two doors lead to it, both in i-PI's protocol
//! ([`ipi`]): connections that we open ([`ipi::client`], `tumble ipi`), and connections that we accept ([`server`],
//! `tumble serve`). The server's other side is [`server::client`]. Programs in C have that and the [`calculator`] too
//! ([`c_interface`]).
//!
//! [`check`] measures how much of a model's symmetry is broken, with the harmonics of [`wigner`], and says what to do
//! about it.
//!
//! Beside it: [`settings`], [`per_atom`] virials, [`details`] as JSON and [`diagnostics`] of broken symmetry,
//! [`elements`], [`units`], [`numbers`] as people read them, the [`processors`] that there are, and the one [`error`].

pub mod average;
pub mod blocks;
#[cfg(feature = "lammps")]
pub mod bridge;
pub mod c_interface;
pub mod calculator;
pub mod cancel;
pub mod check;
pub mod details;
pub mod diagnostics;
pub mod elements;
pub mod error;
pub mod graph;
mod guard;
pub mod ipi;
pub mod lammps;
mod loader;
pub mod neighbors;
pub mod net;
pub mod numbers;
pub mod onnx;
mod options;
mod parallel;
pub mod per_atom;
pub mod policy;
pub mod potential;
pub mod processors;
pub mod quadrature;
pub mod rotation;
pub mod scheduler;
pub mod server;
pub mod settings;
pub mod stepping;
pub mod system;
pub mod together;
pub mod toys;
pub mod units;
pub mod wigner;
pub mod xyz;

pub use calculator::{Calculator, Evaluation};
pub use cancel::Cancel;
pub use error::{Error, Result};
pub use graph::Graph;
pub use quadrature::{Mitigation, Quadrature};
pub use settings::Settings;
pub use system::{Cell, System};
