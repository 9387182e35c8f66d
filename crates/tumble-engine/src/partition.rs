//! Evaluation of large structures layer by layer. Between two exchanges of messages a model acts on each center
//! separately, so each layer is computed tile by tile, on all workers, within the caches.
//!
//! A layer keeps the tensors that later layers need; the backward pass recomputes the rest. So a structure takes little
//! memory, and no halo is computed, unlike in [`Blocks`](tumble_core::blocks::Blocks).

mod arena;
mod executor;
mod kept_tensor;
mod lockstep;
mod message_exchange;
mod nontemporal;
mod partitioner;
mod pruning;
mod rank_exchange;
mod rank_messages;
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
use tumble_onnx::runtime::session::{Model, SessionFactory, SharedSession};
use tumble_onnx::runtime::terminate::TerminableRun;

use crate::error::PartitionError;
pub(crate) use crate::partition::lockstep::SpareMemory;
use crate::partition::partitioner::{ExchangeKind, GraphPartition, Pruning, Subgraph, cut};
use crate::partition::pruning::NarrowInput;
pub use crate::partition::rank_messages::{BorderRows, RankMessage};
use crate::partition::tiles::Rows;
use crate::raw_model::{File, Type};
use crate::worker::Worker;

/// Numbers of `TensorProto.DataType` in ONNX.
const FLOAT32: u64 = 1;
const INT64: u64 = 7;
const BOOL: u64 = 9;
const FLOAT64: u64 = 11;

/// The exchanges of a graph, by their results.
type Exchanges<'a> = HashMap<&'a str, partitioner::Exchange<'a>>;

/// A model, partitioned into stages.
pub(crate) struct PartitionedModel {
    stages: Vec<Stage>,
    /// Options and handles of runs, one per worker.
    run_handles: Vec<RunHandle>,
    /// Stage and output of each of the model's outputs.
    outputs: HashMap<String, Origin>,
    /// The marks of the edges to keep, in a model that prunes edges.
    keep: Option<Origin>,
    /// Peak memory of kept tensors per edge slot, bytes.
    bytes_per_slot: usize,
}

/// The part of a model between two exchanges.
struct Stage {
    inputs: Vec<Source>,
    /// The last stage that uses each output, directly or by an exchange; the number of stages for the model's outputs.
    last_use: Vec<usize>,
    /// Sessions of the stage, one per worker.
    sessions: Vec<SharedSession>,
}

/// The options of a worker's runs, and a handle to terminate them.
struct RunHandle {
    options: Arc<TerminableRun<NoSelectedOutputs>>,
    run: Arc<dyn Cancellable>,
}

/// An output of a stage.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Origin {
    stage: usize,
    output: usize,
}

/// The source of a stage's input.
enum Source {
    Structure(Input),
    Narrow(NarrowInput),
    Kept(Origin),
    Exchanged(Exchange),
}

/// A tensor with an exchange of rows.
struct Exchange {
    kind: ExchangeKind,
    name: String,
    data: Origin,
    /// Whether the tensor has rows of narrow edges.
    narrow: bool,
    /// The neighbor of each row of the result, for [`ExchangeKind::Neighbor`].
    neighbors: Option<Origin>,
    /// Whether ranks send its rows here: each tensor is sent once, before the first stage with the exchange.
    sent: bool,
    /// The kind of its rows; determined at its first evaluation, in the self-check.
    rows: OnceLock<Rows>,
    /// Numbers per row, determined likewise.
    width: OnceLock<usize>,
}

impl PartitionedModel {
    /// Partitions a model, opens the stages for each worker and compares their results with the `whole` model's.
    pub fn open(
        factory: &SessionFactory,
        model: &Model,
        whole: &mut Worker,
        workers: usize,
        level: RecomputeLevel,
    ) -> Result<Self, PartitionError> {
        if model.signature.stress {
            return Err(PartitionError::Stress);
        }
        let file = File::read(&factory.bytes)?;
        let keepable = |name: &str| factory.shapes.is_keepable(name);
        let mut layers = Self::assemble(&file, &cut(&file, level, &keepable)?, factory, workers)?;
        layers.bytes_per_slot = self_check::run(&layers, model, whole)?;
        Ok(layers)
    }

    fn assemble(
        file: &File,
        cut: &GraphPartition,
        factory: &SessionFactory,
        workers: usize,
    ) -> Result<Self, PartitionError> {
        let exchanges: Exchanges = cut.exchanges.iter().map(|exchange| (exchange.result, *exchange)).collect();
        let last_use = last_use(&cut.subgraphs, &exchanges, &file.outputs.iter().copied().collect());
        let (mut stages, mut types, mut origins) = (Vec::new(), narrow_types(cut.pruning), HashMap::new());
        let mut sent = Vec::new();
        for (stage, subgraph) in cut.subgraphs.iter().enumerate() {
            let inputs: Result<Vec<_>, _> =
                subgraph.inputs.iter().map(|name| typed(name, file, &exchanges, &types)).collect();
            let bytes = file.write(&subgraph.nodes, &inputs?, &subgraph.outputs);
            let part = factory.part(bytes, &format!("stage{stage}"));
            let sessions = run_concurrently(0..workers, |worker| Ok(part.session(1, worker)?))?;
            let mut inputs: Vec<_> = subgraph.inputs.iter().map(|name| source(name, cut, &origins)).collect();
            inputs.iter_mut().for_each(|source| source.mark_sent(&mut sent));
            let outputs = output_types(&sessions[0])?;
            let last = |(name, _): &(String, _)| last_use.get(name.as_str()).copied().unwrap_or(cut.subgraphs.len());
            stages.push(Stage { inputs, last_use: outputs.iter().map(last).collect(), sessions });
            let names = outputs.iter().enumerate();
            origins.extend(names.map(|(output, (name, _))| (name.clone(), Origin { stage, output })));
            types.extend(outputs);
        }
        let keep = cut.pruning.and_then(|pruning| origins.get(pruning.keep).copied());
        origins.retain(|name, _| file.outputs.contains(&name.as_str()));
        let run_handles = in_one_line(|| (0..workers).map(|_| RunHandle::new()).collect::<ort::Result<_>>())?;
        Ok(Self { stages, run_handles, outputs: origins, keep, bytes_per_slot: 0 })
    }

    /// Returns the number of stages.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Returns the memory of kept tensors per edge slot, bytes.
    pub fn bytes_per_slot(&self) -> usize {
        self.bytes_per_slot
    }
}

impl Stage {
    /// Returns the exchanges whose rows ranks send before the stage.
    fn sent(&self) -> impl Iterator<Item = &Exchange> {
        self.inputs.iter().filter_map(|source| match source {
            Source::Exchanged(exchange) if exchange.sent => Some(exchange),
            _ => None,
        })
    }
}

impl Source {
    /// Marks an exchange between ranks that is not among those `sent` so far.
    fn mark_sent(&mut self, sent: &mut Vec<(ExchangeKind, Origin)>) {
        let Self::Exchanged(exchange) = self else { return };
        let key = (exchange.kind, exchange.data);
        exchange.sent = exchange.kind.is_between_ranks() && !sent.contains(&key);
        if exchange.sent {
            sent.push(key);
        }
    }
}

impl RunHandle {
    fn new() -> ort::Result<Self> {
        let options = Arc::new(TerminableRun::new()?);
        Ok(Self { run: Arc::clone(&options) as Arc<dyn Cancellable>, options })
    }
}

/// Returns an input of a stage with its type; `None` for an input of the model.
fn typed<'a>(
    name: &'a str,
    file: &File,
    exchanges: &Exchanges,
    types: &'a HashMap<String, Type>,
) -> Result<(&'a str, Option<&'a Type>), PartitionError> {
    match types.get(exchanges.get(name).map_or(name, |exchange| exchange.data)) {
        None if !file.inputs.contains_key(name) => Err(PartitionError::NoStage { name: name.into() }),
        kind => Ok((name, kind)),
    }
}

/// Returns the source of a [`typed`] input of a stage.
fn source(name: &str, cut: &GraphPartition, origins: &HashMap<String, Origin>) -> Source {
    let exchange = cut.exchanges.iter().find(|exchange| exchange.result == name);
    if let Some(&partitioner::Exchange { kind, data, narrow, neighbors, .. }) = exchange {
        let (name, data, neighbors) = (data.to_owned(), origins[data], neighbors.map(|name| origins[name]));
        let (rows, width) = (OnceLock::new(), OnceLock::new());
        return Source::Exchanged(Exchange { kind, name, data, narrow, neighbors, sent: false, rows, width });
    }
    match (cut.pruning, Input::named(name)) {
        (Some(pruning), _) if name == pruning.neighbors => Source::Narrow(NarrowInput::Neighbors),
        (Some(pruning), _) if name == pruning.mask => Source::Narrow(NarrowInput::Mask),
        (_, Some(input)) => Source::Structure(input),
        (_, None) => Source::Kept(origins[name]),
    }
}

/// Returns the types of the tensors that describe the narrow edges, `[C, L]`.
fn narrow_types(pruning: Option<Pruning>) -> HashMap<String, Type> {
    let named = pruning.into_iter().flat_map(|pruning| [(pruning.neighbors, INT64), (pruning.mask, BOOL)]);
    named.map(|(name, kind)| (name.to_owned(), (kind, vec![-1, -1]))).collect()
}

/// Returns the last stage that uses each kept tensor, directly or by an exchange.
fn last_use<'a>(
    subgraphs: &[Subgraph<'a>],
    exchanges: &Exchanges<'a>,
    outputs: &HashSet<&str>,
) -> HashMap<&'a str, usize> {
    let uses = subgraphs
        .iter()
        .enumerate()
        .flat_map(|(stage, subgraph)| subgraph.inputs.iter().map(move |name| (stage, *name)));
    let kept = uses.flat_map(|(stage, name)| {
        let operands = exchanges.get(name).map_or_else(|| vec![name], |exchange| exchange.operands().collect());
        operands.into_iter().map(move |name| (name, stage))
    });
    // Stages ascend, so the last one stays in the map.
    kept.filter(|(name, _)| !outputs.contains(name)).collect()
}

fn output_types(session: &SharedSession) -> Result<Vec<(String, Type)>, PartitionError> {
    let session = locked(session);
    session.outputs().iter().map(|outlet| Ok((outlet.name().to_owned(), tensor_type(outlet)?))).collect()
}

fn tensor_type(outlet: &Outlet) -> Result<Type, PartitionError> {
    match outlet.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => Ok((FLOAT32, shape.to_vec())),
        ValueType::Tensor { ty: TensorElementType::Float64, shape, .. } => Ok((FLOAT64, shape.to_vec())),
        ValueType::Tensor { ty: TensorElementType::Int64, shape, .. } => Ok((INT64, shape.to_vec())),
        ValueType::Tensor { ty: TensorElementType::Bool, shape, .. } => Ok((BOOL, shape.to_vec())),
        other => Err(PartitionError::Kind { name: outlet.name().into(), kind: other.to_string() }),
    }
}

/// Returns the number of stages of a model file at a level, for fuzzing. Writes and reads each as a file.
pub(crate) fn count_stages(bytes: &[u8], level: RecomputeLevel) -> Result<usize, PartitionError> {
    let file = File::read(bytes)?;
    let subgraphs = cut(&file, level, &|_| false)?.subgraphs;
    for Subgraph { nodes, inputs, outputs } in &subgraphs {
        let inputs: Vec<_> =
            inputs.iter().map(|&name| (name, None)).filter(|(name, _)| file.inputs.contains_key(name)).collect();
        File::read(&file.write(nodes, &inputs, outputs))?;
    }
    Ok(subgraphs.len())
}
