//! The nodes of a graph and its constants, as far as fusion reads them.

use std::collections::{HashMap, HashSet};

use super::infer::{BOOL, DOUBLE, FLOAT, INT64};
use crate::error::Malformed;
use crate::file::initializers::Tensor;
use crate::file::node::{Attribute, Node};
use crate::file::proto::{Field, Fields, all_fields, field, packed, text, utf8, value};

/// A graph.
pub(super) struct Graph<'a> {
    pub fields: Vec<Field<'a>>,
    /// The nodes, with the indices of their fields.
    pub nodes: Vec<(usize, Node<'a>)>,
    pub constants: HashMap<&'a str, Constant>,
    /// Names, element types and axes of the inputs: the length or the name of each.
    pub inputs: Vec<(&'a str, u64, Option<Vec<Axis<'a>>>)>,
    pub outputs: HashSet<&'a str>,
}

/// The length of an axis of an input.
#[derive(Clone, Copy)]
pub(super) enum Axis<'a> {
    Length(i64),
    Name(&'a str),
    Unknown,
}

/// A constant.
#[derive(Clone)]
pub(super) struct Constant {
    pub element: u64,
    pub shape: Vec<i64>,
    /// The numbers, if there are few.
    pub numbers: Option<Vec<f64>>,
}

/// Most numbers of a constant that are read: lengths of axes, and factors.
const MOST_NUMBERS: usize = 8;

impl<'a> Graph<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (nodes, constants, inputs) = (Vec::new(), HashMap::new(), Vec::new());
        let mut graph = Self { fields: all_fields(bytes)?, nodes, constants, inputs, outputs: HashSet::new() };
        for (index, part) in graph.fields.iter().enumerate().filter(|(_, part)| part.bytes) {
            match part.number {
                field::GRAPH_NODE => graph.nodes.push((index, Node::read(part.value)?)),
                field::GRAPH_CONSTANT => {
                    let (tensor, raw) = Tensor::read(part.value)?;
                    graph.constants.insert(tensor.name, Constant::read(&tensor, raw, part.value)?);
                }
                field::GRAPH_INPUT => graph.inputs.push(input(part.value)?),
                field::GRAPH_OUTPUT => drop(graph.outputs.insert(text(part.value, field::VALUE_NAME)?)),
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl Constant {
    fn read(tensor: &Tensor, raw: &[u8], bytes: &[u8]) -> Result<Self, Malformed> {
        let count = tensor.shape.iter().product::<i64>();
        let numbers = if count as usize <= MOST_NUMBERS { numbers(tensor.element, raw, bytes)? } else { Vec::new() };
        let numbers = Some(numbers).filter(|numbers| numbers.len() as i64 == count);
        Ok(Self { element: tensor.element, shape: tensor.shape.clone(), numbers })
    }

    /// Reads the attribute of a node `Constant`.
    pub fn of_attribute(attribute: &Attribute) -> Option<Self> {
        let (tensor, raw) = Tensor::read(attribute.tensor).ok()?;
        Self::read(&tensor, raw, attribute.tensor).ok()
    }
}

/// Returns the numbers of a tensor; none if it holds them in another way.
fn numbers(element: u64, raw: &[u8], bytes: &[u8]) -> Result<Vec<f64>, Malformed> {
    const INT64_DATA: u64 = 7;
    let single = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect();
    let double = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
    let (mut stored, mut integers): (_, Vec<i64>) = (&b""[..], Vec::new());
    for part in Fields(bytes) {
        let part = part?;
        match part.number {
            field::TENSOR_FLOATS if part.bytes && element == FLOAT => stored = part.value,
            field::TENSOR_DOUBLES if part.bytes && element == DOUBLE => stored = part.value,
            INT64_DATA if part.bytes => integers.extend(packed(part.value)?),
            INT64_DATA => integers.push(part.integer as i64),
            _ => {}
        }
    }
    let stored = if stored.is_empty() { raw } else { stored };
    Ok(match element {
        FLOAT => single(stored),
        DOUBLE => double(stored),
        INT64 if raw.is_empty() => integers.into_iter().map(|x| x as f64).collect(),
        INT64 => raw.as_chunks().0.iter().map(|x| i64::from_le_bytes(*x) as f64).collect(),
        BOOL => raw.iter().map(|&x| f64::from(x)).collect(),
        _ => Vec::new(),
    })
}

/// Reads the name, element type and axes of an input.
fn input(bytes: &[u8]) -> Result<(&str, u64, Option<Vec<Axis<'_>>>), Malformed> {
    let (mut name, mut element, mut axes) = ("", 0, None);
    for part in all_fields(bytes)? {
        match part.number {
            field::VALUE_NAME => name = utf8(part.value)?,
            field::VALUE_TYPE => {
                for part in all_fields(value(part.value, field::TYPE_TENSOR)?)? {
                    match part.number {
                        field::TENSOR_TYPE_ELEMENT => element = part.integer,
                        field::TENSOR_TYPE_SHAPE => axes = Some(self::axes(part.value)?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, element, axes))
}

fn axes(shape: &[u8]) -> Result<Vec<Axis<'_>>, Malformed> {
    const DIMENSION_NAME: u64 = 2;
    let mut axes = Vec::new();
    for dimension in all_fields(shape)?.into_iter().filter(|part| part.number == field::SHAPE_DIMENSION) {
        let mut axis = Axis::Unknown;
        for part in all_fields(dimension.value)? {
            match part.number {
                field::DIMENSION_VALUE => axis = Axis::Length(part.integer as i64),
                DIMENSION_NAME if !part.value.is_empty() => axis = Axis::Name(utf8(part.value)?),
                _ => {}
            }
        }
        axes.push(axis);
    }
    Ok(axes)
}
