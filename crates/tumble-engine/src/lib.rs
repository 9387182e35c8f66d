//! The evaluation of an ONNX model (unsafe: stores that bypass the caches).
//!
//! An [`OnnxPotential`] runs it in one piece on several workers, or cuts it into stages and tiles (`partition`).

#[doc(hidden)]
pub mod bench_support;
pub mod error;
mod levels;
mod load;
pub mod model;
mod partition;
#[doc(hidden)]
pub mod surgery;
mod worker;

pub use error::{Error, Result};
pub use load::load;
pub use model::OnnxPotential;
