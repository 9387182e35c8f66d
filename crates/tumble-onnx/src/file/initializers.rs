//! The weights of a model, taken out of its file: one copy in memory for all sessions of the model and of its stages.
//!
//! In the file that remains, the tensors are external data of a file without contents; each session is given their
//! values. Values that lie aligned in a mapped file stay there, so that processes share them; others are copied once.
//! Only the weights of products (see [`products`](crate::file::products)) are taken, since ONNX Runtime may compute with
//! others while it opens a session, and would look for their values in that file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Malformed;
use crate::file::mapped_file::FileContents;
use crate::file::proto::{Fields, field, message, number, packed, utf8};

/// Smaller tensors stay in the file, bytes.
const SMALLEST: usize = 1024;

/// The file of which the values are said to be: ONNX Runtime demands a path that exists.
pub(crate) const NOWHERE: (&str, &str) = ("/dev", "null");

/// The weights of a model, by name.
pub type Initializers = BTreeMap<String, Initializer>;

/// The values of a constant tensor.
pub struct Initializer {
    /// Its element type.
    pub element: Element,
    /// Its shape.
    pub shape: Vec<i64>,
    values: Values,
}

/// The element type of an [`Initializer`], with its number in `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in ONNX")]
pub enum Element {
    Float = 1,
    Double = 11,
}

impl Element {
    /// Returns the element type of a number; `None` for the types that are never taken out.
    pub(crate) fn numbered(number: u64) -> Option<Self> {
        [Self::Float, Self::Double].into_iter().find(|element| *element as u64 == number)
    }

    /// Returns the size of an element, bytes.
    fn size(self) -> usize {
        if self == Self::Float { 4 } else { 8 }
    }
}

enum Values {
    Shared(Arc<FileContents>, Range<usize>),
    /// Whole words, and the number of bytes used.
    Copied(Vec<u64>, usize),
}

impl Initializer {
    /// Returns the values' bytes, aligned to the element type.
    pub fn bytes(&self) -> &[u8] {
        match &self.values {
            Values::Shared(memory, range) => &memory[range.clone()],
            Values::Copied(words, length) => &bytemuck::cast_slice(words)[..*length],
        }
    }

    /// Takes a tensor out of a file, given the memory in which its values lie. `None`: it stays where it is.
    pub(crate) fn take(tensor: &Tensor, memory: &Arc<FileContents>, values: &[u8]) -> Option<Self> {
        let element = Element::numbered(tensor.element)?;
        if values.len() < SMALLEST || tensor.bytes() != Some(values.len()) {
            return None;
        }
        let aligned = (values.as_ptr() as usize).is_multiple_of(element.size());
        let values = match &**memory {
            FileContents::Mapped(mapped) if aligned => {
                let start = values.as_ptr() as usize - mapped.as_ptr() as usize;
                Values::Shared(Arc::clone(memory), start..start + values.len())
            }
            _ => copied(values),
        };
        Some(Self { element, shape: tensor.shape.clone(), values })
    }
}

/// Returns the size of an element by its number in `TensorProto.DataType`, bytes; `None` for strings and for parts of
/// bytes.
fn element_size(number: u64) -> Option<usize> {
    match number {
        // UINT8, INT8, BOOL and the 8-bit floats.
        2 | 3 | 9 | 17..=20 | 24 => Some(1),
        // UINT16, INT16, FLOAT16 and BFLOAT16.
        4 | 5 | 10 | 16 => Some(2),
        // FLOAT, INT32 and UINT32.
        1 | 6 | 12 => Some(4),
        // INT64, DOUBLE, UINT64 and COMPLEX64.
        7 | 11 | 13 | 14 => Some(8),
        // COMPLEX128.
        15 => Some(16),
        _ => None,
    }
}

fn copied(values: &[u8]) -> Values {
    let mut words = vec![0u64; values.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..values.len()].copy_from_slice(values);
    Values::Copied(words, values.len())
}

/// A TensorProto but for its values.
pub(crate) struct Tensor<'a> {
    pub name: &'a str,
    pub element: u64,
    pub shape: Vec<i64>,
}

impl<'a> Tensor<'a> {
    /// Reads a TensorProto, and the values that it holds itself.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let (mut tensor, mut raw) = (Self { name: "", element: 0, shape: Vec::new() }, &b""[..]);
        for part in Fields(bytes) {
            let part = part?;
            match part.number {
                field::TENSOR_DIMENSION if part.bytes => tensor.shape.extend(packed(part.value)?),
                field::TENSOR_DIMENSION => tensor.shape.push(part.integer as i64),
                field::TENSOR_ELEMENT if !part.bytes => tensor.element = part.integer,
                field::TENSOR_NAME if part.bytes => tensor.name = utf8(part.value)?,
                field::TENSOR_RAW if part.bytes => raw = part.value,
                _ => {}
            }
        }
        Ok((tensor, raw))
    }

    /// Returns the size of its values by its shape and type, bytes; `None` if unknown.
    pub fn bytes(&self) -> Option<usize> {
        let count = self.shape.iter().try_fold(1, |all: usize, &n| all.checked_mul(usize::try_from(n).ok()?))?;
        count.checked_mul(element_size(self.element)?)
    }

    /// Returns the TensorProto of a tensor whose values were taken.
    pub fn without_values(&self) -> Vec<u8> {
        let entry = |key: &str, value: &str| {
            let entry = [message(field::ENTRY_KEY, key.as_bytes()), message(field::ENTRY_VALUE, value.as_bytes())];
            message(field::TENSOR_EXTERNAL, &entry.concat())
        };
        let shape = self.shape.iter().flat_map(|&length| number(field::TENSOR_DIMENSION, length as u64));
        let rest = [
            number(field::TENSOR_ELEMENT, self.element),
            message(field::TENSOR_NAME, self.name.as_bytes()),
            entry("location", NOWHERE.1),
            number(field::TENSOR_LOCATION, 1),
        ];
        shape.chain(rest.concat()).collect()
    }
}

/// Returns the names of the tensors in a file whose values were taken.
pub fn taken(model: &[u8]) -> Result<Vec<&str>, Malformed> {
    let mut names = Vec::new();
    for part in Fields(model) {
        let part = part?;
        if part.number != field::MODEL_GRAPH || !part.bytes {
            continue;
        }
        for part in Fields(part.value) {
            let part = part?;
            if part.number == field::GRAPH_CONSTANT && part.bytes {
                names.extend(name_if_taken(part.value)?);
            }
        }
    }
    Ok(names)
}

fn name_if_taken(tensor: &[u8]) -> Result<Option<&str>, Malformed> {
    let (mut name, mut external) = ("", false);
    for part in Fields(tensor) {
        let part = part?;
        match part.number {
            field::TENSOR_NAME if part.bytes => name = utf8(part.value)?,
            field::TENSOR_LOCATION if !part.bytes => external = part.integer == 1,
            _ => {}
        }
    }
    Ok(Some(name).filter(|_| external))
}

#[cfg(test)]
mod tests;
