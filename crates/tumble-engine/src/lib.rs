//! Evaluation of ONNX models (unsafe: stores that bypass the caches).
//!
//! An [`OnnxPotential`] runs the whole model on several workers, or partitions it into stages and tiles (`partition`).

#[doc(hidden)]
pub mod bench_support;
pub mod error;
#[doc(hidden)]
pub mod fuzz_support;
mod list_part;
mod load;
pub mod model;
mod partition;
mod partition_cache;
mod raw_model;
mod worker;

pub use error::{Error, Result};
pub use load::{Loaded, load, load_models};
pub use model::OnnxPotential;
