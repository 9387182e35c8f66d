//! Products with constants as nodes.

use tumble_ops::DOMAIN;

use crate::file::proto::{field, message, number};

/// A product with a constant.
pub(super) struct Linear<'a> {
    pub name: &'a str,
    /// Rows, weight, and the bias if there is one.
    pub inputs: Vec<&'a str>,
    pub output: &'a str,
    pub transposed: bool,
}

impl Linear<'_> {
    /// Returns it as a NodeProto.
    pub fn written(&self) -> Vec<u8> {
        let parts = [
            self.inputs.iter().flat_map(|name| message(field::NODE_INPUT, name.as_bytes())).collect(),
            message(field::NODE_OUTPUT, self.output.as_bytes()),
            message(field::NODE_NAME, self.name.as_bytes()),
            message(field::NODE_OP_TYPE, tumble_ops::LINEAR.as_bytes()),
            message(field::NODE_DOMAIN, DOMAIN.as_bytes()),
            message(field::NODE_ATTRIBUTE, &mark("transposed", self.transposed)),
        ];
        parts.concat()
    }
}

/// Returns an attribute of 1 or 0.
pub(super) fn mark(name: &str, value: bool) -> Vec<u8> {
    /// `AttributeProto.AttributeType.INT`
    const INTEGER: u64 = 2;
    let parts = [
        message(field::ATTRIBUTE_NAME, name.as_bytes()),
        number(field::ATTRIBUTE_INTEGER, value.into()),
        number(field::ATTRIBUTE_TYPE, INTEGER),
    ];
    parts.concat()
}
