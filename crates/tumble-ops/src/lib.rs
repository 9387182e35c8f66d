//! Fused kernels as custom operators of ONNX Runtime (unsafe: pointers of a matrix product): attention, RMSNorm,
//! LayerNorm, GLU, SiLU and their gradients, adaptive cutoffs, and products with constant weights.
//!
//! In a model file a fused operator is a node of the domain `tumble`, with a function that defines it in standard
//! operators (`docs/model-contract.md`). If the function body is removed, ONNX Runtime calls our kernel; with it, the
//! file runs in any runtime.

#![deny(unsafe_code)]

mod adaptive_cutoff;
mod attention;
#[doc(hidden)]
pub mod bench_support;
mod linear;
mod microkernels;
mod operators;
mod real;
pub mod row_program;
mod rowwise;
mod simd;
mod tensors;
mod threads;
mod transpose;

use ort::operator::{Operator, OperatorDomain};
use ort::value::TensorElementType;
pub use real::Real;

use crate::operators::fused_operators;
pub use crate::operators::present_name;
use crate::row_program::operator::{ProgramOperator, kernel};

/// The domain of the custom operators.
pub const DOMAIN: &str = "tumble";

/// The operators that cost as much as a matrix product.
pub const ATTENTION: [&str; 2] = ["Attention", "AttentionGradient"];

/// The product of rows with a constant weight: rows `[.., in]`, weight `[in, out]`, or `[out, in]` with the attribute
/// `transposed`, and bias `[out]` if there is one, to `[.., out]`. It is in no file: it replaces `MatMul` and `Gemm`.
/// ONNX permits no such name, so no file has a function of that name.
pub const LINEAR: &str = "Linear@memory";

/// The program of rows (see [`row_program`]) in single and in double precision. It is in no file: it replaces nodes that
/// act on each row by itself.
pub const ROW_PROGRAM: [&str; 2] = ["RowProgram32@memory", "RowProgram64@memory"];

/// Returns the domain with all kernels, to register with a session.
pub fn domain() -> ort::Result<OperatorDomain> {
    let all = fused_operators::<f32>().into_iter().chain(fused_operators::<f64>());
    let domain = all.into_iter().try_fold(OperatorDomain::new(DOMAIN)?, OperatorDomain::add)?;
    row_programs().into_iter().try_fold(domain, OperatorDomain::add)
}

/// Returns whether this crate has a kernel for the operator `name` of `domain`.
pub fn has(domain: &str, name: &str) -> bool {
    domain == DOMAIN && fused_operators::<f32>().iter().any(|operator| operator.name() == name)
}

/// Returns the operators of programs of rows.
fn row_programs() -> [ProgramOperator; 2] {
    let [single, double] = ROW_PROGRAM;
    [
        ProgramOperator { name: single, element: TensorElementType::Float32, kernel: kernel::<f32> },
        ProgramOperator { name: double, element: TensorElementType::Float64, kernel: kernel::<f64> },
    ]
}
