//! The graph of an ONNX file, as far as it takes to write parts of it as files of their own.

use std::collections::{BTreeSet, HashMap};

use tumble_onnx::error::Malformed;
use tumble_onnx::file::proto::{Field, all_fields, field, message, number, text, utf8};

/// A model file, taken apart but not understood: what is written is what was read.
pub(crate) struct File<'a> {
    /// All of the model but its graph and metadata: version, sets of operators, functions.
    head: Vec<&'a [u8]>,
    /// In an order in which they can be computed.
    pub nodes: Vec<Node<'a>>,
    /// Weights and other constants by their names.
    pub constants: HashMap<&'a str, &'a [u8]>,
    /// The model's inputs by their names.
    pub inputs: HashMap<&'a str, &'a [u8]>,
    /// Names of the model's outputs.
    pub outputs: Vec<&'a str>,
}

/// One operation.
pub(crate) struct Node<'a> {
    raw: &'a [u8],
    pub operator: &'a str,
    /// Names of tensors; empty where an input is left out.
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    /// Whether it has graphs inside, which see tensors that are not among its inputs.
    pub nested: bool,
    /// Whether it works along the first axis, as far as that is an attribute.
    pub first_axis: bool,
}

/// Element type (number of `TensorProto.DataType`) and shape (-1: any length; empty: any shape) of a tensor.
pub(crate) type Type = (u64, Vec<i64>);

impl<'a> File<'a> {
    /// Takes the bytes of a model file apart.
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

    /// A model file of some of the nodes. Inputs are the model's own, or tensors of these types.
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
    // Nothing is known of the shape of what our own kernels make; a single number is never kept.
    let known = if shape.is_empty() { Vec::new() } else { message(field::TENSOR_TYPE_SHAPE, &shape) };
    let tensor = [number(field::TENSOR_TYPE_ELEMENT, *element), known].concat();
    let kind = message(field::VALUE_TYPE, &message(field::TYPE_TENSOR, &tensor));
    [message(field::VALUE_NAME, name.as_bytes()), kind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of one node with an attribute.
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
    fn raw_model_is_written_as_it_was_read() {
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
    fn axes_and_graphs_inside_are_seen() {
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
