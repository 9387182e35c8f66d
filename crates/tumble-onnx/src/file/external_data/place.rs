//! Places of external values: the messages that may have them, and the ranges of files.

use crate::error::{ExternalDataError, Malformed};
use crate::file::proto::{Field, Fields, entry, field, utf8};

/// The messages of a model that hold tensors, directly or nested.
#[derive(Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "named as in onnx.proto")]
pub enum Kind {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

impl Kind {
    /// Returns the kind of message in a field. `scan` has already refused graphs in attributes.
    pub fn inside(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, field::MODEL_GRAPH) => Some(Self::Graph),
            (Self::Model, field::MODEL_FUNCTION) => Some(Self::Function),
            (Self::Graph, field::GRAPH_NODE) | (Self::Function, field::FUNCTION_NODE) => Some(Self::Node),
            (Self::Graph, field::GRAPH_CONSTANT) => Some(Self::Tensor),
            (Self::Graph, field::GRAPH_SPARSE_CONSTANT) => Some(Self::SparseTensor),
            (Self::Node, field::NODE_ATTRIBUTE) | (Self::Function, field::FUNCTION_ATTRIBUTE) => Some(Self::Attribute),
            (Self::Attribute, field::ATTRIBUTE_TENSOR | field::ATTRIBUTE_TENSORS) => Some(Self::Tensor),
            (Self::Attribute, field::ATTRIBUTE_SPARSE_TENSOR | field::ATTRIBUTE_SPARSE_TENSORS) => {
                Some(Self::SparseTensor)
            }
            (Self::SparseTensor, field::SPARSE_VALUES | field::SPARSE_INDICES) => Some(Self::Tensor),
            _ => None,
        }
    }

    /// Returns whether this field holds one message only. Protobuf's own readers merge repeated ones.
    pub(super) fn once(self, number: u64) -> bool {
        match self {
            Self::Attribute => [field::ATTRIBUTE_TENSOR, field::ATTRIBUTE_SPARSE_TENSOR].contains(&number),
            Self::SparseTensor => true,
            _ => false,
        }
    }
}

/// The range of a file with the values of a tensor.
#[derive(Debug, PartialEq)]
pub(super) struct ExternalRange<'a> {
    /// Path of the file, relative to the model's folder.
    pub location: &'a str,
    offset: usize,
    /// Number of bytes; `None`: to the end of the file.
    length: Option<usize>,
}

impl<'a> ExternalRange<'a> {
    /// Reads the range from a TensorProto; `None` if it holds its values itself.
    pub fn of(tensor: &'a [u8]) -> Result<Option<Self>, Malformed> {
        // DataLocation.EXTERNAL. Protobuf's own readers keep 32 bits.
        const EXTERNAL: u32 = 1;
        let (mut external, mut place) = (false, ExternalRange { location: "", offset: 0, length: None });
        for part in Fields(tensor) {
            let Field { number, value, integer, bytes, .. } = part?;
            match number {
                field::TENSOR_LOCATION if !bytes => external = integer as u32 == EXTERNAL,
                field::TENSOR_EXTERNAL if bytes => place.take(value)?,
                _ => {}
            }
        }
        Ok(external.then_some(place))
    }

    fn take(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let (key, value) = entry(bytes)?;
        let (key, value) = (utf8(key)?, utf8(value)?);
        let number = || {
            let refusal = || Malformed::NoNumber { key: key.into(), value: value.into() };
            value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(refusal)
        };
        match key {
            "location" => self.location = value,
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            _ => {}
        }
        Ok(())
    }

    /// Returns the bytes of the range in the file.
    pub fn cut<'b>(&self, file: &'b [u8]) -> Result<&'b [u8], ExternalDataError> {
        let end = self.length.map_or(Some(file.len()), |length| self.offset.checked_add(length));
        end.and_then(|end| file.get(self.offset..end)).ok_or_else(|| {
            let length = self.length.map_or("all".to_owned(), |length| length.to_string());
            ExternalDataError::Short { found: file.len(), length, offset: self.offset }
        })
    }
}
