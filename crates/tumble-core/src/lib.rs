//! From positions to averaged energies and forces: structures, neighbor graphs, rotations, quadratures, averages and
//! multiple time stepping, for any [`Potential`](potential::Potential).
//!
//! This crate knows no ONNX, sockets, files or command lines.
//!
//! # Conventions
//!
//! Units are Å, eV and u; front ends convert others once. Rows of a cell are its vectors. An edge vector is
//! x\[neighbor\] - x\[center\], with the position of the neighbor's image; neighbor lists are full. Forces are -dU/dx,
//! the virial is -dU/d(strain), symmetrized. A replica is one rotated copy of a graph; its edge vectors are R v. Random
//! rotations are a pure function of (seed, step, stream). Sums run in a fixed order: two runs agree to the last bit.
//!
//! # Map
//!
//! [`system`] → [`neighbors`] → [`graph`] → [`average`] over a [`quadrature`] of [`rotation`]s, in the batches of the
//! [`planner`], or in [`blocks`] if memory is too small → [`potential`] → [`calculator`], with a [`policy`] and r-RESPA
//! multiple time stepping ([`mts`]). Front ends enter by the [`calculator`], for one structure at a time, or by
//! [`batch`], for several at once.
//!
//! Also here: [`settings`], [`virial`]s per atom, [`details`] as JSON, [`diagnostics`] of broken symmetry,
//! [`elements`], [`units`], formats of [`numbers`], available [`processors`], and the [`error`] with its
//! [`error_catalog`] for the manual.

#![forbid(unsafe_code)]

#[cfg(any(test, feature = "analytic"))]
pub mod analytic;
pub mod average;
pub mod batch;
pub mod beads;
pub mod blocks;
pub mod calculator;
pub mod cancel;
pub mod cancel_reason;
pub mod committee;
pub mod conditions;
pub mod connect;
pub mod details;
pub mod diagnostics;
pub mod domain;
pub mod echo;
pub mod elements;
pub mod error;
pub mod error_catalog;
pub mod execution;
pub mod forces;
pub mod graph;
pub mod hash;
mod least_megabytes;
mod many;
pub mod mitigation_grammar;
pub mod mts;
pub mod neighbors;
pub mod numbers;
pub mod outputs;
pub mod panics;
pub mod parallel;
pub mod planner;
pub mod policy;
pub mod potential;
pub mod potential_plan;
pub mod processors;
pub mod provider;
pub mod quadrature;
pub mod rotation;
pub mod settings;
pub mod system;
pub mod units;
pub mod virial;

pub use calculator::{Calculator, Evaluation};
pub use cancel::Cancel;
pub use error::{Error, Result};
pub use graph::Graph;
pub use quadrature::{Mitigation, Quadrature};
pub use settings::Settings;
pub use system::{Cell, System};
