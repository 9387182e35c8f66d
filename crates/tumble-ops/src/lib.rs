//! Steps of models that are computed at once by kernels of our own, inside ONNX Runtime's graph.
//!
//! In a model file such a step is a node of the domain `tumble`, and a function there says in standard operators what it
//! is (`docs/model-contract.md`). Without the function ONNX Runtime takes our kernel, with it any runtime can do without.

#![forbid(unsafe_code)]

mod attention;
#[doc(hidden)]
pub mod bench_support;
mod microkernels;
mod operators;
mod real;
mod rowwise;
mod simd;

use ort::operator::{Operator, OperatorDomain};
pub use real::Real;

use crate::operators::fused_operators;

/// The domain of our operators.
pub const DOMAIN: &str = "tumble";

/// The operators that are as much work as products of matrices.
pub const ATTENTION: [&str; 2] = ["Attention", "AttentionGradient"];

/// The kernels, for a session.
pub fn domain() -> ort::Result<OperatorDomain> {
    let all = fused_operators::<f32>().into_iter().chain(fused_operators::<f64>());
    all.into_iter().try_fold(OperatorDomain::new(DOMAIN)?, OperatorDomain::add)
}

/// Whether there is a kernel for the operator.
pub fn has(domain: &str, name: &str) -> bool {
    domain == DOMAIN && fused_operators::<f32>().iter().any(|operator| operator.name() == name)
}
