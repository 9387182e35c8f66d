//! Removal of function bodies from a model file, so that ONNX Runtime calls the fused kernels instead.

use tumble_ops::has;

use super::proto::{Field, all_fields, field, text};
use crate::error::Malformed;

/// Returns the bytes of a model file without the functions of operators that have a kernel.
pub fn without_functions(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut kept = Vec::with_capacity(bytes.len());
    for Field { number, value, raw, .. } in all_fields(bytes)? {
        if number != field::MODEL_FUNCTION || !has_kernel(value)? {
            kept.extend(raw);
        }
    }
    Ok(kept)
}

fn has_kernel(function: &[u8]) -> Result<bool, Malformed> {
    Ok(has(text(function, field::FUNCTION_DOMAIN)?, text(function, field::FUNCTION_NAME)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_a_kernel_are_kept() {
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
