//! Places of external values: the messages that may have them, and the ranges of files.

use crate::error::{ExternalDataError, Malformed};
use crate::file::initializers::Tensor;
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
    /// First byte, as written.
    offset: &'a str,
    /// Number of bytes, as written; `None`: as many as the tensor has.
    length: Option<&'a str>,
}

impl<'a> ExternalRange<'a> {
    /// Reads the range from a TensorProto; `None` if it holds its values itself.
    pub fn of(tensor: &'a [u8]) -> Result<Option<Self>, Malformed> {
        // DataLocation.EXTERNAL. Protobuf's own readers keep 32 bits.
        const EXTERNAL: u32 = 1;
        let (mut external, mut place) = (false, ExternalRange { location: "", offset: "0", length: None });
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
        match key {
            "location" => self.location = value,
            "offset" => self.offset = value,
            "length" => self.length = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// Returns the bytes of the tensor in the file.
    pub fn cut<'b>(&self, file: &'b [u8], tensor: &Tensor) -> Result<&'b [u8], ExternalDataError> {
        let offset = number("offset", self.offset, tensor)?;
        let stated = self.length.map(|length| number("length", length, tensor)).transpose()?;
        check_length(offset, stated, tensor)?;
        let length = stated.or(tensor.bytes());
        let end = length.map_or(Some(file.len()), |length| offset.checked_add(length));
        end.and_then(|end| file.get(offset..end)).ok_or_else(|| {
            let length = length.map_or("all".to_owned(), |length| length.to_string());
            ExternalDataError::Short { tensor: tensor.name.to_owned(), found: file.len(), length, offset }
        })
    }
}

/// Reads an offset or a length.
fn number(key: &'static str, value: &str, tensor: &Tensor) -> Result<usize, ExternalDataError> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let refusal = || ExternalDataError::NoNumber { tensor: tensor.name.to_owned(), key, value: value.to_owned() };
    value.parse().ok().filter(|_| digits).ok_or_else(refusal)
}

/// Compares the length of a tensor with its shape and type.
fn check_length(offset: usize, stated: Option<usize>, tensor: &Tensor) -> Result<(), ExternalDataError> {
    match (stated, tensor.bytes()) {
        (Some(found), Some(expected)) if found != expected => {
            let (tensor, shape) = (tensor.name.to_owned(), tensor.shape.clone());
            Err(ExternalDataError::OtherLength { tensor, offset, found, expected, shape })
        }
        _ => Ok(()),
    }
}
