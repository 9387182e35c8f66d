//! A reader of the few fields of an ONNX file that ONNX Runtime does not tell, or tells too late.
//!
//! The format is protobuf: a message is a row of fields, each a tag (field number · 8 + wire type) and a value
//! (<https://protobuf.dev/programming-guides/encoding>). Field numbers are those of `onnx.proto`.

use std::path::Path;

use crate::xyz::holds_structures;

/// Bytes by which a file of structures is known.
const HEAD: usize = 8192;

/// What is looked for in a model file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scan {
    /// The value in `metadata_props` under the key asked for.
    pub metadata: Option<String>,
    /// Names of the ScatterND nodes with a reduction, in subgraphs and functions too.
    pub scatters: Vec<String>,
}

/// Field numbers of ModelProto, GraphProto, FunctionProto, NodeProto, AttributeProto,
/// StringStringEntryProto, TensorProto and ValueInfoProto with what it is made of.
pub(super) mod field {
    pub const MODEL_GRAPH: u64 = 7;
    pub const MODEL_METADATA: u64 = 14;
    pub const MODEL_FUNCTION: u64 = 25;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_NAME: u64 = 2;
    pub const GRAPH_CONSTANT: u64 = 5;
    pub const GRAPH_INPUT: u64 = 11;
    pub const GRAPH_OUTPUT: u64 = 12;
    pub const FUNCTION_NAME: u64 = 1;
    pub const FUNCTION_NODE: u64 = 7;
    pub const FUNCTION_DOMAIN: u64 = 10;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_NAME: u64 = 3;
    pub const NODE_OP_TYPE: u64 = 4;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const ATTRIBUTE_NAME: u64 = 1;
    pub const ATTRIBUTE_INTEGER: u64 = 3;
    pub const ATTRIBUTE_STRING: u64 = 4;
    pub const ATTRIBUTE_GRAPH: u64 = 6;
    pub const ATTRIBUTE_GRAPHS: u64 = 11;
    pub const ENTRY_KEY: u64 = 1;
    pub const ENTRY_VALUE: u64 = 2;
    pub const TENSOR_NAME: u64 = 8;
    pub const VALUE_NAME: u64 = 1;
    pub const VALUE_TYPE: u64 = 2;
    pub const TYPE_TENSOR: u64 = 1;
    pub const TENSOR_TYPE_ELEMENT: u64 = 1;
    pub const TENSOR_TYPE_SHAPE: u64 = 2;
    pub const SHAPE_DIMENSION: u64 = 1;
    pub const DIMENSION_VALUE: u64 = 1;
}

/// Graphs inside one another at most: protobuf's own readers take 100 messages, and a graph in a graph is three.
const DEEPEST: usize = 100;

/// Scans the bytes of a model file; the error says why they are not a model.
pub(super) fn scan(bytes: &[u8], key: &str) -> Result<Scan, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let mut scan = Scan::default();
    let mut graphs = 0;
    for (number, value) in fields(bytes)? {
        match number {
            field::MODEL_GRAPH => {
                graphs += 1;
                scan_nodes(value, field::GRAPH_NODE, DEEPEST, &mut scan.scatters)?;
            }
            field::MODEL_FUNCTION => scan_nodes(value, field::FUNCTION_NODE, DEEPEST, &mut scan.scatters)?,
            field::MODEL_METADATA => scan.metadata = scan.metadata.or(entry(value, key)?),
            _ => {}
        }
    }
    if graphs == 1 { Ok(scan) } else { Err(format!("it holds {graphs} graphs instead of one")) }
}

/// Why a file is no model, for users: structures in its place are named, which those get who swap the arguments.
pub(super) fn why(path: &Path, bytes: &[u8], cause: String) -> String {
    match holds_structures(path, &bytes[..bytes.len().min(HEAD)]) {
        true => "it holds structures: give the model first and the structures after it".into(),
        false => cause,
    }
}

fn entry(bytes: &[u8], key: &str) -> Result<Option<String>, String> {
    let fields = fields(bytes)?;
    let text =
        |wanted| fields.iter().find(|(number, _)| *number == wanted).map(|(_, value)| *value).unwrap_or_default();
    let wanted = text(field::ENTRY_KEY) == key.as_bytes();
    Ok(wanted.then(|| String::from_utf8_lossy(text(field::ENTRY_VALUE)).into_owned()))
}

/// The nodes of a graph, and of graphs in it, as deep as `depth`: a file may not make this recursion overflow the stack.
fn scan_nodes(bytes: &[u8], node: u64, depth: usize, scatters: &mut Vec<String>) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or_else(|| format!("its graphs are nested more than {DEEPEST} deep"))?;
    for (_, value) in fields(bytes)?.into_iter().filter(|(number, _)| *number == node) {
        scan_node(value, depth, scatters)?;
    }
    Ok(())
}

fn scan_node(bytes: &[u8], depth: usize, scatters: &mut Vec<String>) -> Result<(), String> {
    let (mut name, mut op_type, mut reduces) = (&b""[..], &b""[..], false);
    for (number, value) in fields(bytes)? {
        match number {
            field::NODE_NAME => name = value,
            field::NODE_OP_TYPE => op_type = value,
            field::NODE_ATTRIBUTE => reduces |= scan_attribute(value, depth, scatters)?,
            _ => {}
        }
    }
    if op_type == b"ScatterND" && reduces {
        scatters.push(String::from_utf8_lossy(name).into_owned());
    }
    Ok(())
}

/// Walks into the subgraphs of an attribute, and tells whether it is a `reduction` other than "none".
fn scan_attribute(bytes: &[u8], depth: usize, scatters: &mut Vec<String>) -> Result<bool, String> {
    let (mut name, mut text) = (&b""[..], &b"none"[..]);
    for (number, value) in fields(bytes)? {
        match number {
            field::ATTRIBUTE_NAME => name = value,
            field::ATTRIBUTE_STRING => text = value,
            field::ATTRIBUTE_GRAPH | field::ATTRIBUTE_GRAPHS => scan_nodes(value, field::GRAPH_NODE, depth, scatters)?,
            _ => {}
        }
    }
    Ok(name == b"reduction" && text != b"none")
}

/// A field of a message.
pub(super) struct Field<'a> {
    pub number: u64,
    /// What it holds, where that is bytes (a string, a message, an array); empty for numbers.
    pub value: &'a [u8],
    /// All of it, with its tag.
    pub raw: &'a [u8],
    /// Whether it holds bytes.
    pub bytes: bool,
}

/// The fields of a message that hold bytes (strings, messages, arrays); numbers are stepped over.
fn fields(bytes: &[u8]) -> Result<Vec<(u64, &[u8])>, String> {
    let bytes = all_fields(bytes)?.into_iter().filter(|field| field.bytes);
    Ok(bytes.map(|field| (field.number, field.value)).collect())
}

/// All fields of a message, in their order.
pub(super) fn all_fields(mut bytes: &[u8]) -> Result<Vec<Field<'_>>, String> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let tag = varint(&mut bytes)?;
        let mut value = &b""[..];
        match tag & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => drop(take(&mut bytes, 8)?),
            2 => {
                let length = varint(&mut bytes)?;
                value = take(&mut bytes, length)?;
            }
            5 => drop(take(&mut bytes, 4)?),
            _ => return Err("its bytes are not a protobuf message".to_owned()),
        }
        let raw = &start[..start.len() - bytes.len()];
        fields.push(Field { number: tag >> 3, value, raw, bytes: tag & 7 == 2 });
    }
    Ok(fields)
}

/// The text of a field of a message; empty if it is not there.
pub(super) fn text(bytes: &[u8], wanted: u64) -> Result<&str, String> {
    let found = all_fields(bytes)?.into_iter().find(|field| field.number == wanted);
    utf8(found.map_or(b"", |field| field.value))
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|_| "a name in it is no text".to_owned())
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Some((head, tail)) = bytes.split_at_checked(length) else {
        let missing = length - bytes.len();
        return Err(format!("it ends {missing} bytes early, so it was cut short or is of another format"));
    };
    *bytes = tail;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("its bytes are not a protobuf message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes.
    fn message(number: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let length = [body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        [&[number << 3 | 2], &length[..], &body].concat()
    }

    /// A node ScatterND of the reduction given.
    fn scatter(name: &[u8], reduction: &[u8]) -> Vec<u8> {
        let attribute = message(5, &[&message(1, &[b"reduction"]), &message(4, &[reduction])]);
        message(1, &[&message(3, &[name]), &message(4, &[b"ScatterND"]), &attribute])
    }

    #[test]
    fn a_scatter_with_a_reduction_is_found_in_a_subgraph_too() {
        let branch = message(5, &[&message(1, &[b"then_branch"]), &message(6, &[&scatter(b"inner", b"add")])]);
        let node = message(1, &[&message(4, &[b"If"]), &branch]);
        let model = message(7, &[&scatter(b"plain", b"none"), &scatter(b"outer", b"mul"), &node]);
        assert_eq!(scan(&model, "tumble").unwrap().scatters, ["outer", "inner"]);
    }

    #[test]
    fn metadata_are_found_by_their_key() {
        let other = message(14, &[&message(1, &[b"author"]), &message(2, &[b"me"])]);
        let ours = message(14, &[&message(1, &[b"tumble"]), &message(2, &[b"{}"])]);
        let model = [message(7, &[]), other.clone(), ours].concat();
        assert_eq!(scan(&model, "tumble").unwrap().metadata.as_deref(), Some("{}"));
        assert_eq!(scan(&[message(7, &[]), other].concat(), "tumble").unwrap().metadata, None);
    }

    /// A model of so many graphs inside one another.
    fn nested(graphs: usize) -> Vec<u8> {
        let long = |number: u8, body: Vec<u8>| {
            let length = (0..4).map(|i| (body.len() >> (7 * i)) as u8 & 0x7f | if i < 3 { 0x80 } else { 0 });
            [number << 3 | 2].into_iter().chain(length).chain(body.iter().copied()).collect::<Vec<_>>()
        };
        long(7, (1..graphs).fold(Vec::new(), |graph, _| long(1, long(5, long(6, graph)))))
    }

    #[test]
    fn graphs_nested_without_end_are_refused_before_the_stack_is_full() {
        assert_eq!(scan(&nested(100), "tumble"), Ok(Scan::default()));
        for graphs in [101, 1000] {
            assert_eq!(scan(&nested(graphs), "tumble").unwrap_err(), "its graphs are nested more than 100 deep");
        }
    }

    #[test]
    fn bytes_that_are_no_model_are_told_apart() {
        assert_eq!(scan(b"", "tumble").unwrap_err(), "the file is empty");
        let cut = &message(7, &[b"12345"])[..5];
        assert!(scan(cut, "tumble").unwrap_err().starts_with("it ends 3 bytes early"));
        assert_eq!(scan(&message(8, &[]), "tumble").unwrap_err(), "it holds 0 graphs instead of one");
    }
}
