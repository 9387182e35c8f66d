//! Evaluating an ONNX [`model`]: in one piece by [`worker`]s, or cut into stages and tiles ([`partition`]).

#[doc(hidden)]
pub mod bench_support;
pub mod model;
mod partition;
#[doc(hidden)]
pub mod surgery;
mod worker;
