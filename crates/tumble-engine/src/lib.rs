//! Evaluating an ONNX [`model`]: in one piece by [`worker`]s, or cut into stages and tiles ([`partition`]).

#[doc(hidden)]
pub mod bench_support;
mod load;
pub mod model;
mod partition;
#[doc(hidden)]
pub mod surgery;
mod worker;

pub use load::load;
pub use model::OnnxPotential;
