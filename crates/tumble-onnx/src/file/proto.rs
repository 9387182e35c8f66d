//! Reading and writing of protobuf, for contents of a model file that ONNX Runtime does not report, or not before it
//! opens a session.
//! A message is a sequence of fields, each a tag (field number · 8 + wire type) and a value
//! (<https://protobuf.dev/programming-guides/encoding>). Field numbers are those of `onnx.proto`.

use crate::error::Malformed;

/// Field numbers of ModelProto, GraphProto, FunctionProto, NodeProto, AttributeProto, SparseTensorProto,
/// StringStringEntryProto, TensorProto and ValueInfoProto with the types in it.
#[expect(missing_docs, reason = "named as in onnx.proto")]
pub mod field {
    pub const MODEL_GRAPH: u64 = 7;
    pub const MODEL_OPERATORS: u64 = 8;
    pub const OPERATORS_DOMAIN: u64 = 1;
    pub const OPERATORS_VERSION: u64 = 2;
    pub const MODEL_METADATA: u64 = 14;
    pub const MODEL_TRAINING: u64 = 20;
    pub const MODEL_FUNCTION: u64 = 25;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_NAME: u64 = 2;
    pub const GRAPH_CONSTANT: u64 = 5;
    pub const GRAPH_INPUT: u64 = 11;
    pub const GRAPH_OUTPUT: u64 = 12;
    pub const GRAPH_SPARSE_CONSTANT: u64 = 15;
    pub const FUNCTION_NAME: u64 = 1;
    pub const FUNCTION_NODE: u64 = 7;
    pub const FUNCTION_DOMAIN: u64 = 10;
    pub const FUNCTION_ATTRIBUTE: u64 = 11;
    pub const FUNCTION_OVERLOAD: u64 = 13;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_NAME: u64 = 3;
    pub const NODE_OP_TYPE: u64 = 4;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const NODE_DOMAIN: u64 = 7;
    pub const NODE_OVERLOAD: u64 = 8;
    pub const ATTRIBUTE_NAME: u64 = 1;
    pub const ATTRIBUTE_FLOAT: u64 = 2;
    pub const ATTRIBUTE_INTEGER: u64 = 3;
    pub const ATTRIBUTE_STRING: u64 = 4;
    pub const ATTRIBUTE_TENSOR: u64 = 5;
    pub const ATTRIBUTE_GRAPH: u64 = 6;
    pub const ATTRIBUTE_INTEGERS: u64 = 8;
    pub const ATTRIBUTE_TENSORS: u64 = 10;
    pub const ATTRIBUTE_TYPE: u64 = 20;
    pub const ATTRIBUTE_GRAPHS: u64 = 11;
    pub const ATTRIBUTE_SPARSE_TENSOR: u64 = 22;
    pub const ATTRIBUTE_SPARSE_TENSORS: u64 = 23;
    pub const SPARSE_VALUES: u64 = 1;
    pub const SPARSE_INDICES: u64 = 2;
    pub const ENTRY_KEY: u64 = 1;
    pub const ENTRY_VALUE: u64 = 2;
    pub const TENSOR_DIMENSION: u64 = 1;
    pub const TENSOR_ELEMENT: u64 = 2;
    pub const TENSOR_FLOATS: u64 = 4;
    pub const TENSOR_NAME: u64 = 8;
    pub const TENSOR_RAW: u64 = 9;
    pub const TENSOR_DOUBLES: u64 = 10;
    pub const TENSOR_EXTERNAL: u64 = 13;
    pub const TENSOR_LOCATION: u64 = 14;
    pub const VALUE_NAME: u64 = 1;
    pub const VALUE_TYPE: u64 = 2;
    pub const TYPE_TENSOR: u64 = 1;
    pub const TENSOR_TYPE_ELEMENT: u64 = 1;
    pub const TENSOR_TYPE_SHAPE: u64 = 2;
    pub const SHAPE_DIMENSION: u64 = 1;
    pub const DIMENSION_VALUE: u64 = 1;
}

/// The longest file that protobuf's own readers accept, bytes.
pub(crate) const LONGEST: u64 = (1 << 31) - 1;

/// The longest file that protobuf's own readers accept, MB.
pub(crate) const LONGEST_MB: u64 = (LONGEST + 1) >> 20;

/// A field of a message.
pub struct Field<'a> {
    /// Its number.
    pub number: u64,
    /// Its value if it is bytes (a string, a message, an array); empty for numbers.
    pub value: &'a [u8],
    /// Its value if it is an integer; 0 otherwise.
    pub integer: u64,
    /// The whole field, with its tag.
    pub raw: &'a [u8],
    /// Whether its value is bytes.
    pub bytes: bool,
}

/// An iterator over the fields of a message.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = read(&mut self.0);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn read<'a>(bytes: &mut &'a [u8]) -> Result<Field<'a>, Malformed> {
    let start = *bytes;
    let tag = varint(bytes)?;
    let (mut value, mut integer) = (&b""[..], 0);
    match tag & 7 {
        // Protobuf's own readers drop the higher bits and would see another field.
        _ if tag > u32::MAX.into() => return Err(Malformed::NotProtobuf),
        0 => integer = varint(bytes)?,
        1 => drop(take(bytes, 8)?),
        2 => {
            let length = varint(bytes)?;
            value = take(bytes, length)?;
        }
        5 => drop(take(bytes, 4)?),
        _ => return Err(Malformed::NotProtobuf),
    }
    let raw = &start[..start.len() - bytes.len()];
    Ok(Field { number: tag >> 3, value, integer, raw, bytes: tag & 7 == 2 })
}

/// Returns all fields of a message, in their order.
pub fn all_fields(bytes: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    Fields(bytes).collect()
}

/// Returns the fields of a message that hold bytes (strings, messages, arrays), in their order, without numbers.
pub(crate) fn fields(bytes: &[u8]) -> Result<Vec<(u64, &[u8])>, Malformed> {
    let bytes = Fields(bytes).filter(|field| field.as_ref().map_or(true, |field| field.bytes));
    bytes.map(|field| field.map(|field| (field.number, field.value))).collect()
}

/// Returns the bytes of a field of a message; empty if missing. The last one counts, as for protobuf's own readers.
pub(crate) fn value(bytes: &[u8], wanted: u64) -> Result<&[u8], Malformed> {
    Fields(bytes).try_fold(&b""[..], |last, field| {
        field.map(|field| if field.number == wanted && field.bytes { field.value } else { last })
    })
}

/// Returns the text of a field of a message; empty if missing.
pub fn text(bytes: &[u8], wanted: u64) -> Result<&str, Malformed> {
    utf8(value(bytes, wanted)?)
}

/// Returns bytes as a string.
///
/// # Errors
/// [`Malformed::NotText`].
pub fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed::NotText)
}

/// Returns the key and value of a StringStringEntryProto.
pub(crate) fn entry(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    Ok((value(bytes, field::ENTRY_KEY)?, value(bytes, field::ENTRY_VALUE)?))
}

/// Returns the integers of a packed field.
pub(crate) fn packed(mut bytes: &[u8]) -> Result<Vec<i64>, Malformed> {
    let mut integers = Vec::new();
    while !bytes.is_empty() {
        integers.push(varint(&mut bytes)? as i64);
    }
    Ok(integers)
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Some((head, tail)) = bytes.split_at_checked(length) else {
        let missing = length - bytes.len();
        return Err(Malformed::CutShort { missing });
    };
    *bytes = tail;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed::NotProtobuf)
}

/// Writes a field of bytes.
pub fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    let mut written = header(field, bytes.len());
    written.extend(bytes);
    written
}

/// Writes the tag and length of a field of `length` bytes.
pub(crate) fn header(field: u64, length: usize) -> Vec<u8> {
    [written(field << 3 | 2), written(length as u64)].concat()
}

/// Writes a field of a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [written(field << 3), written(value)].concat()
}

fn written(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 300, 70_000] {
            let bytes = [number(3, length), message(25, &vec![7; length as usize])].concat();
            let [one, other] = &all_fields(&bytes).unwrap()[..] else { panic!("two fields") };
            assert_eq!((one.number, one.integer, one.bytes), (3, length, false));
            assert_eq!((other.number, other.value.len(), other.bytes), (25, length as usize, true));
            assert_eq!([one.raw, other.raw].concat(), bytes);
        }
    }

    #[test]
    fn last_value_of_a_field_counts() {
        let bytes = [message(8, b"first"), number(8, 1), message(8, b"last")].concat();
        assert_eq!(text(&bytes, 8), Ok("last"));
        assert_eq!(text(&bytes, 9), Ok(""));
    }

    #[test]
    fn tag_beyond_32_bits_is_refused() {
        // 2^32 and the tag of field 5 as bytes: protobuf's own readers see field 5.
        let bytes = [0xaa, 0x80, 0x80, 0x80, 0x10, 1, 0];
        assert_eq!(all_fields(&bytes).err().unwrap(), Malformed::NotProtobuf);
        assert_eq!(all_fields(&[0xaa, 0x80, 0x80, 0x80, 0x00, 1, 0]).unwrap()[0].number, 5);
    }
}
