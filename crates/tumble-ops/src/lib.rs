//! Steps of models that are computed at once by kernels of our own, inside ONNX Runtime's graph.
//!
//! In a model file such a step is a node of the domain `tumble`, and a function there says in standard operators what it
//! is (`docs/model-contract.md`). Without the function ONNX Runtime takes our kernel, with it any runtime can do without.

pub(super) mod attention;
mod lanes;
mod operators;
mod products;
pub(super) mod rows;

use ort::operator::{Operator, OperatorDomain};

use crate::operators::steps;
use tumble_onnx::file::proto::{Field, all_fields, field, text};

/// The domain of our operators.
const DOMAIN: &str = "tumble";

/// The operators that are as much work as products of matrices.
pub(super) const ATTENTION: [&str; 2] = ["Attention", "AttentionGradient"];

/// The kernels, for a session.
pub(super) fn domain() -> ort::Result<OperatorDomain> {
    let all = steps::<f32>().into_iter().chain(steps::<f64>());
    all.into_iter().try_fold(OperatorDomain::new(DOMAIN)?, OperatorDomain::add)
}

/// The bytes of a model file without the functions in whose place we have kernels.
pub(super) fn without_functions(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(bytes.len());
    for Field { number, value, raw, .. } in all_fields(bytes)? {
        if number != field::MODEL_FUNCTION || !has_kernel(value)? {
            kept.extend(raw);
        }
    }
    Ok(kept)
}

/// Whether there is a kernel for the operator.
pub(super) fn has(domain: &str, name: &str) -> bool {
    domain == DOMAIN && steps::<f32>().iter().any(|step| step.name() == name)
}

fn has_kernel(function: &[u8]) -> Result<bool, String> {
    Ok(has(text(function, field::FUNCTION_DOMAIN)?, text(function, field::FUNCTION_NAME)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_that_have_kernels_are_left_out() {
        let field = |number: u8, value: &[u8]| [&[number << 3 | 2, value.len() as u8], value].concat();
        let function = |domain: &str, name: &str| {
            let body = [field(1, name.as_bytes()), field(10, domain.as_bytes())].concat();
            [&[0xca, 0x01, body.len() as u8], &body[..]].concat()
        };
        let others = [field(7, b"graph"), function("tumble", "Later"), function("other", "Attention")].concat();
        let ours = [function("tumble", "Attention"), function("tumble", "AttentionGradient")].concat();
        assert_eq!(without_functions(&[&ours[..], &others].concat()).unwrap(), others);
    }
}
