//! Extended XYZ: frames of atoms with their cell, any key and value, and any column.
//!
//! ```text
//! 3
//! Lattice="12.0 0.0 0.0 0.0 12.0 0.0 0.0 0.0 12.0" Properties=species:S:1:pos:R:3 pbc="T T T" energy=-14.2
//! O  0.00  0.00  0.00
//! H  0.76  0.59  0.00
//! H -0.76  0.59  0.00
//! ```
//!
//! Lattice holds the cell vectors one after the other, Å; without it the atoms are isolated. Properties names the
//! columns by name:type:width with the types S (text), R (real), I (integer), L (logical); without it a line is a
//! symbol and a position, and what follows on the line is passed over. What the calculation does not need is kept as
//! it was written and comes out again.
//!
//! i-PI's comment lines are read as i-PI reads them, with its cell and its units, and come out as extended XYZ.
//!
//! Lines go one way: [`Frames`] reads lines, `extended` the comment line (`ipi` that of i-PI) into a `header`, `rows` the atoms;
//! [`Frame::write`] is the way back, and [`Frame::with_results`] puts in between what was calculated.

#![forbid(unsafe_code)]

mod columns;
mod comment;
mod error;
mod extended;
mod foreign;
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
pub use foreign::holds_structures;
pub use frame::Frame;
pub use read::{Frames, open};
