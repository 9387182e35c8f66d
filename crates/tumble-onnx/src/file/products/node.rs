//! Nodes of a graph, and products with constants as nodes.

use std::collections::HashMap;

use tumble_ops::DOMAIN;

use crate::error::Malformed;
use crate::file::proto::{Field, all_fields, field, message, number, text, utf8};

/// The value of an attribute.
#[derive(Clone, Default)]
pub(super) struct Attribute {
    pub integer: u64,
    integers: Vec<u64>,
    /// The bits of a number in single precision.
    float: Option<u32>,
}

/// A node of the standard operators.
pub(super) struct Node<'a> {
    pub name: &'a str,
    pub operator: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    pub attributes: HashMap<&'a str, Attribute>,
}

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

impl<'a> Node<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (inputs, outputs, attributes) = (Vec::new(), Vec::new(), HashMap::new());
        let mut node = Self { name: "", operator: "", inputs, outputs, attributes };
        let mut standard = true;
        for Field { number, value, bytes, .. } in all_fields(bytes)? {
            match number {
                field::NODE_INPUT => node.inputs.push(utf8(value)?),
                field::NODE_OUTPUT => node.outputs.push(utf8(value)?),
                field::NODE_NAME => node.name = utf8(value)?,
                field::NODE_OP_TYPE => node.operator = utf8(value)?,
                field::NODE_DOMAIN => standard = value.is_empty() || value == b"ai.onnx",
                field::NODE_ATTRIBUTE if bytes => {
                    node.attributes.insert(text(value, field::ATTRIBUTE_NAME)?, Attribute::read(value)?);
                }
                _ => {}
            }
        }
        if !standard {
            node.operator = "";
        }
        Ok(node)
    }

    /// Whether a transposition exchanges the two axes of a matrix.
    pub fn swaps(&self) -> bool {
        self.attributes.get("perm").is_none_or(|order| order.integers == [1, 0])
    }

    /// Whether a Gemm is a product and the sum with its third input.
    pub fn is_plain_gemm(&self) -> bool {
        let one = |name| self.attributes.get(name).is_none_or(|factor| factor.float == Some(1f32.to_bits()));
        one("alpha") && one("beta") && !self.is_set("transA")
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|value| value.integer != 0)
    }
}

impl Attribute {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut attribute = Self::default();
        for part in all_fields(bytes)? {
            match part.number {
                field::ATTRIBUTE_INTEGER => attribute.integer = part.integer,
                field::ATTRIBUTE_INTEGERS => attribute.integers.push(part.integer),
                field::ATTRIBUTE_FLOAT => attribute.float = part.raw.last_chunk().map(|bits| u32::from_le_bytes(*bits)),
                _ => {}
            }
        }
        Ok(attribute)
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
