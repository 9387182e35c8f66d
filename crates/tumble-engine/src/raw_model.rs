//! The graph of an ONNX file, parsed as far as needed to write parts of it as files.

use std::collections::{BTreeSet, HashMap};

use tumble_onnx::error::Malformed;
use tumble_onnx::file::proto::{Field, all_fields, field, message, number, text, utf8};

/// A model file, split into fields that are written as they were read.
pub(crate) struct File<'a> {
    /// All fields of the model but its graph and metadata: version, operator sets, functions.
    head: Vec<&'a [u8]>,
    /// Nodes in topological order.
    pub nodes: Vec<Node<'a>>,
    /// Weights and other constants, by name.
    pub constants: HashMap<&'a str, &'a [u8]>,
    /// The model's inputs, by name.
    pub inputs: HashMap<&'a str, &'a [u8]>,
    /// Names of the model's outputs.
    pub outputs: Vec<&'a str>,
}

/// A node of the graph.
pub(crate) struct Node<'a> {
    raw: &'a [u8],
    pub operator: &'a str,
    /// Names of tensors; empty for an omitted input.
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    /// Whether an attribute holds a graph. Such a node can read tensors other than its inputs.
    pub nested: bool,
    /// Whether the attribute `axis` is 0 or missing.
    pub first_axis: bool,
}

/// Element type (number of `TensorProto.DataType`) and shape (-1: any length; empty: any shape) of a tensor.
pub(crate) type Type = (u64, Vec<i64>);

impl<'a> File<'a> {
    /// Parses the bytes of a model file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut head, mut graph) = (Vec::new(), &b""[..]);
        for Field { number, value, raw, .. } in all_fields(bytes)? {
            match number {
                field::MODEL_GRAPH => graph = value,
                field::MODEL_METADATA => {}
                _ => head.push(raw),
            }
        }
        let (nodes, constants, inputs) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut file = Self { head, nodes, constants, inputs, outputs: Vec::new() };
        for Field { number, value, raw, .. } in all_fields(graph)? {
            match number {
                field::GRAPH_NODE => file.nodes.push(Node::read(value, raw)?),
                field::GRAPH_CONSTANT => drop(file.constants.insert(text(value, field::TENSOR_NAME)?, raw)),
                field::GRAPH_INPUT => drop(file.inputs.insert(text(value, field::VALUE_NAME)?, raw)),
                field::GRAPH_OUTPUT => file.outputs.push(text(value, field::VALUE_NAME)?),
                _ => {}
            }
        }
        Ok(file)
    }

    /// Writes some of the nodes as a model file. Inputs are inputs of the model, or tensors of the given types.
    pub fn write(&self, nodes: &[usize], inputs: &[(&str, Option<&Type>)], outputs: &[&str]) -> Vec<u8> {
        let nodes = || nodes.iter().map(|&node| &self.nodes[node]);
        let used: BTreeSet<&str> = nodes().flat_map(|node| node.inputs.iter().copied()).collect();
        let mut graph: Vec<u8> = nodes().flat_map(|node| node.raw).copied().collect();
        graph.extend(message(field::GRAPH_NAME, b"part"));
        graph.extend(used.iter().filter_map(|name| self.constants.get(name)).copied().flatten());
        for (name, kind) in inputs {
            match kind {
                Some(kind) => graph.extend(message(field::GRAPH_INPUT, &value_info(name, kind))),
                None => graph.extend(self.inputs[name]),
            }
        }
        for name in outputs {
            graph.extend(message(field::GRAPH_OUTPUT, &message(field::VALUE_NAME, name.as_bytes())));
        }
        self.head.iter().copied().flatten().copied().chain(message(field::MODEL_GRAPH, &graph)).collect()
    }
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8], raw: &'a [u8]) -> Result<Self, Malformed> {
        let (inputs, outputs) = (Vec::new(), Vec::new());
        let mut node = Self { raw, operator: "", inputs, outputs, nested: false, first_axis: true };
        for Field { number, value, .. } in all_fields(bytes)? {
            match number {
                field::NODE_INPUT => node.inputs.push(utf8(value)?),
                field::NODE_OUTPUT => node.outputs.push(utf8(value)?),
                field::NODE_OP_TYPE => node.operator = utf8(value)?,
                field::NODE_ATTRIBUTE => node.read_attribute(value)?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn read_attribute(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let is_axis = text(bytes, field::ATTRIBUTE_NAME)? == "axis";
        for Field { number, integer, .. } in all_fields(bytes)? {
            match number {
                field::ATTRIBUTE_INTEGER if is_axis => self.first_axis = integer == 0,
                field::ATTRIBUTE_GRAPH | field::ATTRIBUTE_GRAPHS => self.nested = true,
                _ => {}
            }
        }
        Ok(())
    }
}

fn value_info(name: &str, (element, shape): &Type) -> Vec<u8> {
    let dimension = |&length: &i64| {
        let value = u64::try_from(length).map(|length| number(field::DIMENSION_VALUE, length));
        message(field::SHAPE_DIMENSION, &value.unwrap_or_default())
    };
    let shape: Vec<u8> = shape.iter().flat_map(dimension).collect();
    // An empty shape means an unknown one, as for results of our own kernels: a scalar is never kept.
    let known = if shape.is_empty() { Vec::new() } else { message(field::TENSOR_TYPE_SHAPE, &shape) };
    let tensor = [number(field::TENSOR_TYPE_ELEMENT, *element), known].concat();
    let kind = message(field::VALUE_TYPE, &message(field::TYPE_TENSOR, &tensor));
    [message(field::VALUE_NAME, name.as_bytes()), kind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a model of one node with an attribute.
    fn model(attribute: &[u8]) -> Vec<u8> {
        let texts = [(field::NODE_INPUT, "x"), (field::NODE_OUTPUT, "y"), (field::NODE_OP_TYPE, "Gather")];
        let node = texts.map(|(field, text)| message(field, text.as_bytes())).concat();
        let node = [node, message(field::NODE_ATTRIBUTE, attribute)].concat();
        let output = message(field::GRAPH_OUTPUT, &message(field::VALUE_NAME, b"y"));
        let graph = [
            message(field::GRAPH_NODE, &node),
            message(field::GRAPH_INPUT, &value_info("x", &(1, vec![-1, 300]))),
            output,
        ];
        [number(1, 9), message(field::MODEL_GRAPH, &graph.concat())].concat()
    }

    fn attribute(name: &str, value: Vec<u8>) -> Vec<u8> {
        [message(field::ATTRIBUTE_NAME, name.as_bytes()), value].concat()
    }

    #[test]
    fn model_is_written_as_it_was_read() {
        let bytes = model(&attribute("axis", number(field::ATTRIBUTE_INTEGER, 0)));
        let file = File::read(&bytes).unwrap();
        let written = file.write(&[0], &[("x", None)], &["y"]);
        let typed = file.write(&[0], &[("x", Some(&(1, vec![-1, 300])))], &["y"]);
        assert_eq!(typed, written);
        let again = File::read(&written).unwrap();
        assert_eq!(again.nodes[0].raw, file.nodes[0].raw);
        assert_eq!((again.head, again.inputs, again.outputs), (file.head, file.inputs, file.outputs));
    }

    #[test]
    fn nodes_tell_their_axis_and_nested_graphs() {
        let node = |attribute: &[u8]| {
            let bytes = model(attribute);
            let file = File::read(&bytes).unwrap();
            (file.nodes[0].first_axis, file.nodes[0].nested)
        };
        assert_eq!(node(&attribute("axis", number(field::ATTRIBUTE_INTEGER, 0))), (true, false));
        assert_eq!(node(&attribute("axis", number(field::ATTRIBUTE_INTEGER, 1))), (false, false));
        assert_eq!(node(&attribute("alpha", number(field::ATTRIBUTE_INTEGER, 1))), (true, false));
        assert_eq!(node(&attribute("body", message(field::ATTRIBUTE_GRAPH, b""))), (true, true));
    }
}
