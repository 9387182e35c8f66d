//! The part of a model that follows from the list of edges alone, not from their vectors: masks, indices, sizes, features
//! of species. It is many nodes, with little to do each. A session of its own computes it when the list changes: the steps
//! of a molecule share it.

use std::collections::HashSet;

use ort::session::SessionInputValue;
use ort::value::DynValue;
use tumble_core::parallel::locked;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::signature::Input;
use tumble_onnx::runtime::session::{SessionFactory, SharedSession};
use tumble_ops::Real;

use crate::error::Result;
use crate::raw_model::{File, Type};

/// Most bytes of inputs whose tensors are kept for the next evaluation: those of large structures would hold too much
/// memory, and their lists change at every step.
const MOST_BYTES: usize = 4 << 20;

/// A model in two parts.
pub(crate) struct Split {
    list: Part,
    vectors: Part,
}

/// A part of a model, and its inputs that are the model's.
struct Part {
    factory: SessionFactory,
    inputs: Vec<(&'static str, Input)>,
}

/// A session with its inputs of the model.
pub(crate) struct OpenPart {
    pub session: SharedSession,
    pub inputs: Vec<(&'static str, Input)>,
}

impl Split {
    /// Splits a model; `None` if nothing follows from the list alone, or if it cannot be told.
    pub fn of(factory: &SessionFactory) -> Option<Self> {
        let file = File::read(&factory.bytes).ok()?;
        if !factory.device.provider().custom_operators || file.nodes.iter().any(|node| node.nested) {
            return None;
        }
        let (list, vectors) = nodes(&file, factory);
        let shared = read_by_both(&file, &list, &vectors);
        let given = file.outputs.iter().all(|name| vectors.iter().any(|&node| file.nodes[node].outputs.contains(name)));
        if shared.is_empty() || !given {
            return None;
        }
        let kind = |&name: &&str| Some((factory.shapes.element(name)?, vec![]));
        let types: Vec<Type> = shared.iter().map(kind).collect::<Option<_>>()?;
        let tensors: Vec<_> = shared.iter().copied().zip(&types).collect();
        let list = Part::new(factory, &file, "list", &list, &[], &shared);
        Some(Self { list, vectors: Part::new(factory, &file, "vectors", &vectors, &tensors, &file.outputs) })
    }

    /// Opens the sessions of both parts: of the list, and of the vectors.
    pub fn open(&self, threads: usize, number: usize) -> Result<[OpenPart; 2]> {
        Ok([self.list.open(threads, number)?, self.vectors.open(threads, number)?])
    }
}

impl Part {
    fn open(&self, threads: usize, number: usize) -> Result<OpenPart> {
        Ok(OpenPart { session: self.factory.session(threads, number)?, inputs: self.inputs.clone() })
    }

    fn new(
        factory: &SessionFactory,
        file: &File,
        name: &str,
        nodes: &[usize],
        tensors: &[(&str, &Type)],
        outputs: &[&str],
    ) -> Self {
        let read: HashSet<_> = nodes.iter().flat_map(|&node| &file.nodes[node].inputs).collect();
        let inputs: Vec<_> =
            Input::all().filter(|(name, _)| file.inputs.contains_key(name) && read.contains(name)).collect();
        let tensors = tensors.iter().map(|(name, kind)| (*name, Some(*kind)));
        let given: Vec<_> = inputs.iter().map(|(name, _)| (*name, None)).chain(tensors).collect();
        Self { factory: factory.part(file.write(nodes, &given, outputs), name), inputs }
    }
}

/// Returns the nodes that follow from the list alone, and the others. Constants are in both parts: they would be no
/// constants as inputs.
fn nodes(file: &File, factory: &SessionFactory) -> (Vec<usize>, Vec<usize>) {
    let mut of_vectors = HashSet::from(["edge_vectors", "field", "volume"]);
    let (mut list, mut vectors) = (Vec::new(), Vec::new());
    for (index, node) in file.nodes.iter().enumerate() {
        let outputs = || node.outputs.iter().filter(|name| !name.is_empty());
        let moves = node.inputs.iter().any(|name| of_vectors.contains(name));
        let known = outputs().all(|name| factory.shapes.element(name).is_some());
        if !moves && known {
            list.push(index);
        } else {
            of_vectors.extend(outputs());
        }
        if moves || !known || outputs().all(|name| factory.shapes.is_constant(name)) {
            vectors.push(index);
        }
    }
    (list, vectors)
}

/// Returns the tensors that only the first nodes make and that the second ones read.
fn read_by_both<'a>(file: &File<'a>, first: &[usize], second: &[usize]) -> Vec<&'a str> {
    let outputs =
        |nodes: &[usize]| nodes.iter().flat_map(|&node| &file.nodes[node].outputs).copied().collect::<Vec<_>>();
    let read: HashSet<_> = second.iter().flat_map(|&node| &file.nodes[node].inputs).copied().collect();
    let own: HashSet<_> = outputs(second).into_iter().collect();
    outputs(first).into_iter().filter(|name| !name.is_empty() && read.contains(name) && !own.contains(name)).collect()
}

/// The part of the list, with its tensors.
pub(crate) struct ListPart<T> {
    part: OpenPart,
    /// The list that the tensors belong to.
    list: Option<Tensors<T>>,
    tensors: Vec<(String, DynValue)>,
}

impl<T: Real> ListPart<T> {
    pub fn new(part: OpenPart) -> Self {
        Self { part, list: None, tensors: Vec::new() }
    }

    /// Computes the tensors, unless they belong to this list already.
    pub fn update(&mut self, inputs: &Tensors<T>) -> ort::Result<()> {
        if self.list.as_ref().is_some_and(|list| list.has_list_of(inputs)) {
            return Ok(());
        }
        let views = self.part.inputs.iter().map(|(name, input)| Ok((*name, inputs.view(*input)?)));
        let views = views.collect::<ort::Result<Vec<(&str, SessionInputValue<'_>)>>>()?;
        let mut session = locked(&self.part.session);
        self.tensors = session.run(views)?.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.list = (inputs.bytes() < MOST_BYTES).then(|| inputs.list());
        Ok(())
    }

    /// Drops the tensors if they are not kept.
    pub fn drop_large(&mut self) {
        if self.list.is_none() {
            self.tensors.clear();
        }
    }

    /// Returns the tensors as inputs of the other part.
    pub fn views(&self) -> impl Iterator<Item = (&str, SessionInputValue<'_>)> {
        self.tensors.iter().map(|(name, value)| (name.as_str(), value.into()))
    }
}
