//! The shapes of all tensors of a graph.

use std::collections::HashMap;

use super::dimension::Dimension;
use super::graph::{Axis, Constant, Graph};
use super::infer::{BOOL, INT64, infer};
use crate::error::Malformed;
use crate::file::proto::{all_fields, field};

/// The shapes of the tensors of a model, by name. Stages of the model have the same tensors.
#[derive(Default)]
pub struct Shapes {
    tensors: HashMap<String, TensorInfo>,
    /// Number of the type of the model's real numbers; 0 without edge vectors.
    pub(super) real: u64,
}

/// The properties of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorInfo {
    /// Number of the element type in `TensorProto.DataType`; 0 if unknown.
    pub element: u64,
    pub shape: Vec<Dimension>,
    /// The numbers of a short vector or scalar of integers that are lengths.
    pub lengths: Option<Vec<Dimension>>,
    /// The number of a constant scalar.
    pub number: Option<f64>,
    /// Whether it does not depend on the inputs.
    pub constant: bool,
}

/// New unknown lengths.
#[derive(Default)]
pub(super) struct Symbols(u32);

impl Symbols {
    pub fn next(&mut self) -> Dimension {
        self.0 += 1;
        Dimension::unknown(self.0)
    }
}

impl Shapes {
    /// Infers the shapes of a model.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn of_model(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut shapes = Self::default();
        for part in all_fields(bytes)?.iter().filter(|part| part.number == field::MODEL_GRAPH && part.bytes) {
            shapes.add(&Graph::read(part.value)?);
        }
        Ok(shapes)
    }

    fn add(&mut self, graph: &Graph) {
        let mut symbols = Symbols::default();
        for (name, constant) in &graph.constants {
            self.tensors.insert((*name).to_owned(), TensorInfo::of_constant(constant));
        }
        self.add_inputs(graph, &mut symbols);
        self.real = self.get("edge_vectors").map_or(0, |info| info.element);
        for (_, node) in &graph.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|name| self.tensors.get(*name)).collect();
            let found = infer(node, &inputs, &mut symbols);
            let named = node.outputs.iter().zip(found).filter(|(name, _)| !name.is_empty());
            self.tensors.extend(named.filter_map(|(name, info)| Some(((*name).to_owned(), info?))));
        }
    }

    fn add_inputs(&mut self, graph: &Graph, symbols: &mut Symbols) {
        let mut named: HashMap<&str, Dimension> = HashMap::new();
        for (name, element, axes) in &graph.inputs {
            let Some(axes) = axes else { continue };
            let length = |axis| match axis {
                Axis::Length(length) => length.into(),
                Axis::Name(name) => named.entry(name).or_insert_with(|| symbols.next()).clone(),
                Axis::Unknown => symbols.next(),
            };
            let shape = axes.iter().copied().map(length).collect();
            self.tensors.insert((*name).to_owned(), TensorInfo::new(*element, shape));
        }
        self.add_ghosts(symbols);
    }

    /// States that the atoms of `species` are the centers, and ghosts after them.
    fn add_ghosts(&mut self, symbols: &mut Symbols) {
        let length = |name| self.tensors.get(name).and_then(|info: &TensorInfo| info.shape.first()).cloned();
        let (Some(centers), Some(atoms)) = (length("weights"), length("species")) else { return };
        if centers != atoms
            && let Some(species) = self.tensors.get_mut("species")
        {
            species.shape[0] = centers.plus(&symbols.next());
        }
    }

    /// Returns whether a tensor depends on the inputs and has an element type that stages pass on: real, integer or Boolean.
    pub fn is_keepable(&self, name: &str) -> bool {
        self.get(name).is_some_and(|info| !info.constant && [self.real, INT64, BOOL].contains(&info.element))
    }

    /// Returns the number of a tensor's element type in `TensorProto.DataType`; `None` if it is unknown.
    pub fn element(&self, name: &str) -> Option<u64> {
        self.get(name).map(|info| info.element).filter(|&element| element > 0)
    }

    /// Returns whether a tensor is known not to depend on the inputs.
    pub fn is_constant(&self, name: &str) -> bool {
        self.get(name).is_some_and(|info| info.constant)
    }

    pub(super) fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }
}

impl TensorInfo {
    pub fn new(element: u64, shape: Vec<Dimension>) -> Self {
        Self { element, shape, lengths: None, number: None, constant: false }
    }

    pub fn of_constant(constant: &Constant) -> Self {
        let shape: Vec<_> = constant.shape.iter().map(|&length| Dimension::from(length)).collect();
        let integers = constant.numbers.as_ref().filter(|_| constant.element == INT64 && shape.len() < 2);
        let lengths = integers.map(|numbers| numbers.iter().map(|&number| Dimension::from(number as i64)).collect());
        let number = constant.numbers.as_ref().filter(|numbers| numbers.len() == 1).map(|numbers| numbers[0]);
        Self { element: constant.element, shape, lengths, number, constant: true }
    }

    /// Returns whether it has one element.
    pub fn is_one(&self) -> bool {
        self.shape.iter().all(Dimension::is_one)
    }
}
