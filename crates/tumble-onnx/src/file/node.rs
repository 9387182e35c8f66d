//! Nodes of a graph.

use std::collections::HashMap;

use crate::error::Malformed;
use crate::file::proto::{Field, all_fields, field, packed, text, utf8};

/// The value of an attribute.
#[derive(Clone, Default)]
pub(crate) struct Attribute<'a> {
    pub integer: u64,
    pub integers: Vec<i64>,
    /// The bits of a number in single precision.
    float: Option<u32>,
    /// A TensorProto; empty if it is none.
    pub tensor: &'a [u8],
}

/// A node.
pub(crate) struct Node<'a> {
    pub name: &'a str,
    /// Domain of the operator; empty for ONNX's own.
    pub domain: &'a str,
    pub operator: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    pub attributes: HashMap<&'a str, Attribute<'a>>,
}

impl<'a> Node<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (inputs, outputs, attributes) = (Vec::new(), Vec::new(), HashMap::new());
        let mut node = Self { name: "", domain: "", operator: "", inputs, outputs, attributes };
        for Field { number, value, bytes, .. } in all_fields(bytes)? {
            match number {
                field::NODE_INPUT => node.inputs.push(utf8(value)?),
                field::NODE_OUTPUT => node.outputs.push(utf8(value)?),
                field::NODE_NAME => node.name = utf8(value)?,
                field::NODE_OP_TYPE => node.operator = utf8(value)?,
                field::NODE_DOMAIN => node.domain = utf8(value)?,
                field::NODE_ATTRIBUTE if bytes => {
                    node.attributes.insert(text(value, field::ATTRIBUTE_NAME)?, Attribute::read(value)?);
                }
                _ => {}
            }
        }
        if node.domain == "ai.onnx" {
            node.domain = "";
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

    /// Returns an attribute in single precision.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.attributes.get(name).and_then(|value| value.float).map(|bits| f64::from(f32::from_bits(bits)))
    }

    /// Returns an integer attribute.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.attributes.get(name).map(|value| value.integer as i64)
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|value| value.integer != 0)
    }
}

impl<'a> Attribute<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut attribute = Self::default();
        for part in all_fields(bytes)? {
            match part.number {
                field::ATTRIBUTE_INTEGER => attribute.integer = part.integer,
                field::ATTRIBUTE_INTEGERS if part.bytes => attribute.integers.extend(packed(part.value)?),
                field::ATTRIBUTE_INTEGERS => attribute.integers.push(part.integer as i64),
                field::ATTRIBUTE_TENSOR => attribute.tensor = part.value,
                field::ATTRIBUTE_FLOAT => attribute.float = part.raw.last_chunk().map(|bits| u32::from_le_bytes(*bits)),
                _ => {}
            }
        }
        Ok(attribute)
    }
}
