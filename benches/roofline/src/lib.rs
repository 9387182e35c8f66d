//! The roofline of one core: how fast it can compute and move data, how fast each kind of step of a model is beside
//! that, and what share of an evaluation each kind takes. `make bench-roofline` measures and writes the page.

mod aligned;
pub mod evaluation;
pub mod machine;
mod operations;
mod profile;
pub mod steps;
pub mod stopwatch;
