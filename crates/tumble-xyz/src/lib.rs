//! Reading and writing of extended XYZ: frames of atoms with their cell, any keys and any columns.
//!
//! ```text
//! 3
//! Lattice="12.0 0.0 0.0 0.0 12.0 0.0 0.0 0.0 12.0" Properties=species:S:1:pos:R:3 pbc="T T T" energy=-14.2
//! O  0.00  0.00  0.00
//! H  0.76  0.59  0.00
//! H -0.76  0.59  0.00
//! ```
//!
//! Lattice holds the cell vectors one after the other, Å; without it the atoms are isolated. Properties lists the
//! columns as name:type:width with the types S (text), R (real), I (integer), L (logical); without it a line is a
//! symbol and a position, and further words are ignored. Keys and columns that the calculation does not need are kept
//! and written again unchanged.
//!
//! i-PI's comment lines are read in i-PI's conventions for the cell and the units, and written as extended XYZ.
//!
//! [`Frames`] reads lines: `extended` (or `ipi`) parses the comment line into a `header`, `rows` the lines of the
//! atoms. [`Frame::with_results`] adds results to a frame, and [`Frame::write`] writes it.

#![forbid(unsafe_code)]

mod columns;
mod comment;
mod error;
mod extended;
mod file_format;
mod frame;
mod header;
mod ipi;
mod line_error;
mod read;
mod results;
mod rows;
mod scalar;
mod transform;
mod write;

pub use columns::{Column, Kind};
pub use comment::Entry;
pub use error::{Error, LineError, Result};
pub use file_format::holds_structures;
pub use frame::Frame;
pub use read::{Frames, count, open};
