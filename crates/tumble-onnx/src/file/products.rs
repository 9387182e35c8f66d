//! Matrix products with a constant weight, as nodes of our operator `Linear`, which reads the weight where it lies: ONNX
//! Runtime would pack a copy of it for each session, and another one of its transpose.
//!
//! `MatMul` and `Gemm` are replaced if their second input is a matrix among the constants, as it stands, transposed, or
//! in another precision.

mod linear;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use tumble_ops::DOMAIN;

use crate::error::Malformed;
use crate::file::initializers::{Element, Tensor};
use crate::file::node::{Attribute, Node};
use crate::file::products::linear::Linear;
use crate::file::proto::{Field, all_fields, field, message, number, text};

/// Returns the bytes of a model with its products replaced.
///
/// # Errors
/// [`Malformed`].
pub fn with_linear(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    with_graph(bytes, |graph| {
        let products = Products::find(graph)?;
        Ok((!products.linear.is_empty()).then(|| products.written()))
    })
}

/// Returns the bytes of a model with another graph, which has nodes of our domain. `None` leaves the graph as it is.
pub(crate) fn with_graph(
    bytes: &[u8],
    mut replace: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, Malformed>,
) -> Result<Vec<u8>, Malformed> {
    let (mut written, mut replaced, mut known) = (Vec::with_capacity(bytes.len()), false, false);
    for part in all_fields(bytes)? {
        known |= part.number == field::MODEL_OPERATORS && text(part.value, field::OPERATORS_DOMAIN)? == DOMAIN;
        let graph = if part.number == field::MODEL_GRAPH && part.bytes { replace(part.value)? } else { None };
        replaced |= graph.is_some();
        written.extend(graph.map_or(Cow::Borrowed(part.raw), |graph| Cow::Owned(message(part.number, &graph))).iter());
    }
    if replaced && !known {
        let set = [message(field::OPERATORS_DOMAIN, DOMAIN.as_bytes()), number(field::OPERATORS_VERSION, 1)];
        written.extend(message(field::MODEL_OPERATORS, &set.concat()));
    }
    Ok(written)
}

/// Returns the names of the constants of a model that only its products read.
///
/// # Errors
/// [`Malformed`].
pub fn weights(bytes: &[u8]) -> Result<HashSet<&str>, Malformed> {
    let mut names = HashSet::new();
    for part in all_fields(bytes)?.into_iter().filter(|part| part.number == field::MODEL_GRAPH && part.bytes) {
        let products = Products::find(part.value)?;
        names.extend(products.linear.values().flat_map(|linear| &linear.inputs[1..]));
        names.retain(|name| !products.read.contains(name));
    }
    Ok(names)
}

/// The products with constants in a graph.
struct Products<'a> {
    fields: Vec<Field<'a>>,
    /// The products, by the index of their fields.
    linear: HashMap<usize, Linear<'a>>,
    /// Fields of nodes whose results are constants that nobody reads any more: ONNX Runtime would compute them before it
    /// drops them.
    unused: HashSet<usize>,
    /// The tensors that other nodes read, and the graph's outputs.
    read: HashSet<&'a str>,
}

impl<'a> Products<'a> {
    fn find(graph: &'a [u8]) -> Result<Self, Malformed> {
        let (fields, mut constants) = (all_fields(graph)?, Constants::default());
        constants.read(&fields)?;
        let (mut nodes, mut linear, mut read) = (Vec::new(), HashMap::new(), HashSet::new());
        for (index, part) in fields.iter().enumerate().filter(|(_, part)| part.bytes) {
            match part.number {
                field::GRAPH_NODE => {
                    let node = Node::read(part.value)?;
                    linear.extend(product(&node, &constants).map(|linear| (index, linear)));
                    constants.follow(&node);
                    nodes.push((index, node));
                }
                field::GRAPH_OUTPUT => drop(read.insert(text(part.value, field::VALUE_NAME)?)),
                _ => {}
            }
        }
        let mut products = Self { fields, linear, unused: HashSet::new(), read };
        products.find_unused(&nodes, &constants);
        Ok(products)
    }

    fn find_unused(&mut self, nodes: &[(usize, Node<'a>)], constants: &Constants) {
        let of_products: HashSet<_> = self.linear.values().flat_map(|linear| &linear.inputs).copied().collect();
        let others = nodes.iter().filter(|(index, _)| !self.linear.contains_key(index));
        let constant = |node: &Node| node.outputs.iter().all(|name| constants.0.contains_key(name));
        let (mut unused, used): (Vec<_>, Vec<_>) = others.partition(|(_, node)| constant(node));
        self.read.extend(used.into_iter().flat_map(|(_, node)| &node.inputs));
        loop {
            let needed = |name: &&str| self.read.contains(name) || of_products.contains(name);
            let (more, rest): (Vec<_>, _) = unused.into_iter().partition(|(_, node)| node.outputs.iter().any(needed));
            unused = rest;
            if more.is_empty() {
                break;
            }
            self.read.extend(more.into_iter().flat_map(|(_, node)| &node.inputs));
        }
        self.unused = unused.into_iter().map(|(index, _)| *index).collect();
    }

    /// Returns the graph with its products replaced.
    fn written(&self) -> Vec<u8> {
        let fields = self.fields.iter().enumerate().filter(|(index, _)| !self.unused.contains(index));
        let written = fields.map(|(index, part)| match self.linear.get(&index) {
            Some(linear) => Cow::Owned(message(field::GRAPH_NODE, &linear.written())),
            None => Cow::Borrowed(part.raw),
        });
        written.collect::<Vec<_>>().concat()
    }
}

/// A constant: an initializer, or its transpose, maybe in another precision.
#[derive(Clone)]
struct Constant<'a> {
    /// The tensor that is not transposed.
    name: &'a str,
    shape: Vec<i64>,
    transposed: bool,
}

/// The real constants of a graph, by name.
#[derive(Default)]
struct Constants<'a>(HashMap<&'a str, Constant<'a>>);

impl<'a> Constants<'a> {
    fn read(&mut self, graph: &[Field<'a>]) -> Result<(), Malformed> {
        let mut inputs = HashSet::new();
        for part in graph.iter().filter(|part| part.bytes) {
            match part.number {
                field::GRAPH_CONSTANT => self.add(part.value)?,
                field::GRAPH_INPUT => drop(inputs.insert(text(part.value, field::VALUE_NAME)?)),
                _ => {}
            }
        }
        // A constant with the name of an input is only its default.
        self.0.retain(|name, _| !inputs.contains(name));
        Ok(())
    }

    fn add(&mut self, tensor: &'a [u8]) -> Result<(), Malformed> {
        let (Tensor { name, element, shape }, _) = Tensor::read(tensor)?;
        if Element::numbered(element).is_some() {
            self.0.insert(name, Constant { name, shape, transposed: false });
        }
        Ok(())
    }

    /// Notes the result of a node if it is a constant too. It must come after those whose results it reads.
    fn follow(&mut self, node: &Node<'a>) {
        let (&[input], &[output]) = (&*node.inputs, &*node.outputs) else { return };
        let Some(constant) = self.0.get(input).filter(|_| node.domain.is_empty()).cloned() else { return };
        let real = |to: &Attribute| Element::numbered(to.integer).is_some();
        match node.operator {
            "Transpose" if constant.shape.len() == 2 && node.swaps() => {
                let shape = constant.shape.iter().rev().copied().collect();
                self.0.insert(output, Constant { shape, transposed: !constant.transposed, ..constant });
            }
            "Cast" if !constant.transposed && node.attributes.get("to").is_some_and(real) => {
                self.0.insert(output, Constant { name: output, ..constant });
            }
            _ => {}
        }
    }

    fn matrix(&self, name: &str) -> Option<&Constant<'a>> {
        self.0.get(name).filter(|constant| constant.shape.len() == 2)
    }
}

/// Returns a node as a product with a constant; `None` if it is another one.
fn product<'a>(node: &Node<'a>, constants: &Constants<'a>) -> Option<Linear<'a>> {
    let (&[rows, weight, ref bias @ ..], &[output]) = (&*node.inputs, &*node.outputs) else { return None };
    let weight = constants.matrix(weight).filter(|_| node.domain.is_empty())?;
    let turned = match node.operator {
        "MatMul" if bias.is_empty() => false,
        "Gemm" if node.is_plain_gemm() => node.is_set("transB"),
        _ => return None,
    };
    let out = weight.shape[usize::from(!turned)];
    let bias = bias.iter().filter(|name| !name.is_empty());
    let fits = |name: &&str| constants.0.get(name).is_some_and(|bias| bias.shape == [out]);
    let bias: Vec<_> = bias.copied().map(|name| Some(name).filter(fits)).collect::<Option<_>>()?;
    let inputs = [rows, weight.name].into_iter().chain(bias).collect();
    Some(Linear { name: node.name, inputs, output, transposed: weight.transposed != turned })
}

#[cfg(test)]
mod tests;
