//! A big structure layer by layer: between two exchanges of messages a model acts on each center by itself, so each layer
//! is computed tile by tile, on all lanes, with all that it works on in the caches.
//!
//! What a layer leaves for later ones is kept; the rest is computed again when gradients come back through it. So a
//! structure takes little memory, and nothing is computed for a rim, as in [`Blocks`](tumble_core::blocks::Blocks).

mod arena;
mod executor;
mod message_exchange;
mod nontemporal;
mod partitioner;
mod raw_model;
mod self_check;
mod tiles;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use ort::session::NoSelectedOutputs;
use ort::value::{Outlet, TensorElementType, ValueType};
use tumble_core::cancel::Cancellable;
use tumble_core::panics::in_one_line;
use tumble_core::parallel::locked;
use tumble_core::parallel::run_concurrently;
use tumble_core::planner::RecomputeLevel;
use tumble_onnx::contract::signature::Input;
use tumble_onnx::runtime::ended::Ended;
use tumble_onnx::runtime::session::{Model, Opener, Shared};

use crate::error::Indivisible;
pub(crate) use crate::partition::executor::SpareMemory;
use crate::partition::partitioner::{Cut, Subgraph, cut};
use crate::partition::raw_model::{File, Type};
use crate::partition::tiles::Rows;
use crate::worker::Worker;

/// A model, cut at its layers.
pub(crate) struct Layers {
    stages: Vec<Stage>,
    /// One for each lane.
    leads: Vec<Lead>,
    /// Where the model's outputs come from.
    outputs: HashMap<String, Origin>,
    /// Of what is kept at a time, for each edge slot.
    bytes_per_slot: usize,
}

/// What is computed between two exchanges.
struct Stage {
    inputs: Vec<Source>,
    /// Of each output the last stage that makes use of it, be it for an exchange; of the model's the number of stages.
    last_use: Vec<usize>,
    /// One for each lane.
    sessions: Vec<Shared>,
}

/// What a lane is told of each of its runs, and the means to end that.
struct Lead {
    options: Arc<Ended<NoSelectedOutputs>>,
    run: Arc<dyn Cancellable>,
}

/// An output of a stage.
#[derive(Clone, Copy)]
struct Origin {
    stage: usize,
    output: usize,
}

/// Where an input of a stage comes from.
enum Source {
    Structure(Input),
    Kept(Origin),
    Exchanged(Exchange),
}

/// A tensor whose rows are exchanged.
struct Exchange {
    name: String,
    data: Origin,
    /// What its rows are; found out when it is first evaluated, in the trial.
    rows: OnceLock<Rows>,
}

impl Layers {
    /// Cuts a model, opens the parts for each lane and tries them against the `whole`; the error says why that cannot be.
    pub fn open(
        opener: &Opener,
        model: &Model,
        whole: &mut Worker,
        lanes: usize,
        level: RecomputeLevel,
    ) -> Result<Self, Indivisible> {
        if model.signature.stress {
            return Err(Indivisible::Stress);
        }
        let file = File::read(&opener.bytes)?;
        let mut layers = Self::assemble(&file, &cut(&file, level)?, opener, lanes)?;
        layers.bytes_per_slot = self_check::run(&layers, model, whole)?;
        Ok(layers)
    }

    fn assemble(file: &File, cut: &Cut, opener: &Opener, lanes: usize) -> Result<Self, Indivisible> {
        let data: HashMap<&str, &str> = cut.exchanges.iter().map(|exchange| (exchange.result, exchange.data)).collect();
        let last_use = last_use(&cut.pieces, &data, &file.outputs.iter().copied().collect());
        let (mut stages, mut types, mut origins) = (Vec::new(), HashMap::new(), HashMap::new());
        for (stage, piece) in cut.pieces.iter().enumerate() {
            let inputs: Result<Vec<_>, _> = piece.inputs.iter().map(|name| typed(name, file, &data, &types)).collect();
            let part = opener.part(file.write(&piece.nodes, &inputs?, &piece.outputs), stage);
            let sessions = run_concurrently(0..lanes, |lane| Ok(part.session(1, lane)?))?;
            let inputs = piece.inputs.iter().map(|name| source(name, &data, &origins)).collect();
            let outputs = output_types(&sessions[0])?;
            let last = |(name, _): &(String, _)| last_use.get(name.as_str()).copied().unwrap_or(cut.pieces.len());
            stages.push(Stage { inputs, last_use: outputs.iter().map(last).collect(), sessions });
            let names = outputs.iter().enumerate();
            origins.extend(names.map(|(output, (name, _))| (name.clone(), Origin { stage, output })));
            types.extend(outputs);
        }
        origins.retain(|name, _| file.outputs.contains(&name.as_str()));
        let leads = in_one_line(|| (0..lanes).map(|_| Lead::new()).collect::<ort::Result<_>>())?;
        Ok(Self { stages, leads, outputs: origins, bytes_per_slot: 0 })
    }

    /// How many stages there are.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Memory of what is kept of a structure, for each edge slot, bytes.
    pub fn bytes_per_slot(&self) -> usize {
        self.bytes_per_slot
    }
}

impl Lead {
    fn new() -> ort::Result<Self> {
        let options = Arc::new(Ended::new()?);
        Ok(Self { run: Arc::clone(&options) as Arc<dyn Cancellable>, options })
    }
}

/// An input of a part with its type, if it is not one of the model.
fn typed<'a>(
    name: &'a str,
    file: &File,
    data: &HashMap<&str, &str>,
    types: &'a HashMap<String, Type>,
) -> Result<(&'a str, Option<&'a Type>), Indivisible> {
    match types.get(*data.get(name).unwrap_or(&name)) {
        None if !file.inputs.contains_key(name) => Err(Indivisible::NoStage { name: name.into() }),
        kind => Ok((name, kind)),
    }
}

/// Where an input of a part, of those that are [`typed`], comes from.
fn source(name: &str, data: &HashMap<&str, &str>, origins: &HashMap<String, Origin>) -> Source {
    match (data.get(name), Input::named(name)) {
        (Some(&data), _) => {
            Source::Exchanged(Exchange { name: data.to_owned(), data: origins[data], rows: OnceLock::new() })
        }
        (None, Some(input)) => Source::Structure(input),
        (None, None) => Source::Kept(origins[name]),
    }
}

/// The last stage that needs each tensor that is kept, be it for an exchange.
fn last_use<'a>(
    pieces: &[Subgraph<'a>],
    data: &HashMap<&str, &'a str>,
    outputs: &HashSet<&str>,
) -> HashMap<&'a str, usize> {
    let uses = pieces.iter().enumerate().flat_map(|(stage, piece)| piece.inputs.iter().map(move |name| (stage, *name)));
    let kept = uses.map(|(stage, name)| (*data.get(name).unwrap_or(&name), stage));
    // Stages ascend, so that the last one stays.
    kept.filter(|(name, _)| !outputs.contains(name)).collect()
}

fn output_types(session: &Shared) -> Result<Vec<(String, Type)>, Indivisible> {
    let session = locked(session);
    session.outputs().iter().map(|outlet| Ok((outlet.name().to_owned(), tensor_type(outlet)?))).collect()
}

fn tensor_type(outlet: &Outlet) -> Result<Type, Indivisible> {
    match outlet.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => Ok((1, shape.to_vec())),
        ValueType::Tensor { ty: TensorElementType::Float64, shape, .. } => Ok((11, shape.to_vec())),
        other => Err(Indivisible::Kind { name: outlet.name().into(), kind: other.to_string() }),
    }
}

/// For fuzzing: into how many stages the bytes of a model file are cut at a level, each written as a file.
pub(crate) fn count_stages(bytes: &[u8], level: RecomputeLevel) -> Result<usize, Indivisible> {
    let file = File::read(bytes)?;
    let pieces = cut(&file, level)?.pieces;
    for Subgraph { nodes, inputs, outputs } in &pieces {
        let inputs: Vec<_> =
            inputs.iter().map(|&name| (name, None)).filter(|(name, _)| file.inputs.contains_key(name)).collect();
        File::read(&file.write(nodes, &inputs, outputs))?;
    }
    Ok(pieces.len())
}
