//! Evaluation of a structure, stage by stage.

use std::borrow::Cow;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ort::session::{SessionInputValue, SessionInputs};
use ort::value::{DynValue, TensorRef};
use tumble_core::cancel::Cancel;
use tumble_core::error::{Error, Result};
use tumble_core::graph::Graph;
use tumble_core::outputs::Output;
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;
use tumble_core::parallel::{distribute, in_order};
use tumble_core::potential::{Derivative, Forces, KeptEdges, Replicas, Response};
use tumble_core::rotation::Matrix3;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::signature::output;
use tumble_onnx::contract::unpacking::Reader;
use tumble_onnx::runtime::session::Model;
use tumble_ops::Real;

use crate::partition::arena::{Arena, Pool};
use crate::partition::kept_tensor::KeptTensor;
use crate::partition::lockstep::SpareTensors;
use crate::partition::message_exchange::Messages;
use crate::partition::pruning::{NarrowEdges, OTHER_SIZE, marked};
use crate::partition::rank_exchange::Received;
use crate::partition::tiles::{Rows, Tiles};
use crate::partition::{Origin, PartitionedModel, Source, Stage};
use crate::worker::{longest, run_error};

/// The tensors that a worker keeps of a stage, by the last stage that uses them.
pub(crate) type Arenas = Vec<Arena>;

/// The kept outputs of a stage.
pub(crate) struct StageOutputs {
    /// The outputs, by tile and output, until their last use.
    tensors: Vec<Vec<Option<KeptTensor>>>,
    /// The memory of the outputs, by worker.
    pub arenas: Vec<Arenas>,
}

/// A tensor's shape and its numbers.
pub(crate) type View<'a, T> = (&'a [i64], &'a [T]);

/// One evaluation of a replica.
pub(crate) struct Evaluation<'a, T> {
    partitioned: &'a PartitionedModel,
    model: &'a Model,
    pub tiles: Tiles<'a>,
    /// The model's inputs, by tile.
    pub tensors: Vec<Tensors<T>>,
    /// The kept outputs, by stage.
    pub stage_outputs: Vec<StageOutputs>,
    /// The narrow edges, once they are known.
    pub narrow: Option<NarrowEdges>,
    /// Rows from other ranks.
    pub received: Vec<Received<T>>,
    /// Whether the outputs stay where ONNX Runtime has put them.
    in_place: bool,
    pub pool: &'a Pool,
    packed: &'a SpareTensors<T>,
    cancel: &'a Cancel,
}

impl<'a, T: Real + Pod> Evaluation<'a, T> {
    pub fn new(
        partitioned: &'a PartitionedModel,
        model: &'a Model,
        (graph, rotation): (&'a Graph, &'a Matrix3),
        size: usize,
        (pool, packed): (&'a Pool, &'a SpareTensors<T>),
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let (tiles, tensors, stage_outputs) = (Tiles::new(Cow::Borrowed(graph), size), Vec::new(), Vec::new());
        let (narrow, received) = (None, Vec::new());
        let in_place = partitioned.keeps_in_place(&tiles, model.metadata.kept_neighbors);
        let mut run = Self {
            partitioned,
            model,
            tiles,
            tensors,
            stage_outputs,
            narrow,
            received,
            in_place,
            pool,
            packed,
            cancel,
        };
        run.tensors = in_order(run.all_tiles(run.workers(), |_, tile| Ok(run.pack(tile, rotation)))?).collect();
        Ok(run)
    }

    fn pack(&self, tile: usize, rotation: &Matrix3) -> Tensors<T> {
        let before = locked(self.packed).pop();
        let mut tensors = before.unwrap_or_else(|| Tensors::of(&self.model.metadata));
        tensors.pack(&[Replicas { graph: &self.tiles.graph(tile), rotations: &[*rotation] }]);
        tensors
    }

    pub fn response(&self, forces: Forces) -> Result<Response> {
        let responses = self.all_tiles(self.workers(), |_, tile| self.read(tile, forces))?;
        Ok(joined(in_order(responses), forces, &self.tiles.whole))
    }

    /// Computes the stages up to the marks, and counts the narrow edges.
    pub fn count(mut self, keep: Origin) -> Result<KeptEdges> {
        for stage in 0..keep.stage {
            self.compute(stage)?;
            self.drop_after(stage);
        }
        self.compute(keep.stage)?;
        let marked = self.marked(keep)?;
        Ok(NarrowEdges::new(&self.tiles, &marked, &[], |tile| self.atoms(tile)).count())
    }

    pub fn workers(&self) -> Range<usize> {
        0..self.partitioned.stages[0].sessions.len().min(self.tiles.len())
    }

    /// Runs `work` for each tile, each on the next free worker; returns the results of [`distribute`].
    fn all_tiles<L: Send, R: Send>(
        &self,
        workers: impl IntoIterator<Item = L>,
        work: impl Fn(&mut L, usize) -> Result<R> + Sync,
    ) -> Result<Vec<Vec<(usize, R)>>> {
        distribute(workers.into_iter(), self.tiles.len(), work)
    }

    /// Computes one stage of all tiles; returns the time spent in ONNX Runtime.
    pub fn compute(&mut self, number: usize) -> Result<Duration> {
        let stage = &self.partitioned.stages[number];
        let exchanged = self.exchanged(stage)?;
        let arenas = || (0..=self.partitioned.stages.len()).map(|_| Arena::default()).collect();
        let mut workers: Vec<(usize, Arenas)> = self.workers().map(|worker| (worker, arenas())).collect();
        let done = self.all_tiles(&mut workers, |worker, tile| self.compute_tile(stage, worker, tile, &exchanged))?;
        let elapsed = longest(&done);
        let tensors = in_order(done).map(|(tensors, _)| tensors).collect();
        self.stage_outputs
            .push(StageOutputs { tensors, arenas: workers.into_iter().map(|(_, arenas)| arenas).collect() });
        Ok(elapsed)
    }

    fn compute_tile(
        &self,
        stage: &Stage,
        (worker, arenas): &mut (usize, Arenas),
        tile: usize,
        exchanged: &[Option<Messages<T>>],
    ) -> Result<(Vec<Option<KeptTensor>>, Duration)> {
        let (mut taken, handle) = (Arena::default(), &self.partitioned.run_handles[*worker]);
        let places = exchanged.iter().map(|messages| {
            let exchanged = messages.as_ref().map(|messages| self.exchange(tile, messages, &mut taken));
            exchanged.transpose().map_err(|error| self.failed(&error.to_string()))
        });
        let places: Vec<_> = places.collect::<Result<_>>()?;
        let views = places.iter().map(|place| place.as_ref().map(|(shape, place)| (&**shape, taken.get(place))));
        let run = || {
            let inputs = stage.inputs.iter().zip(views).map(|(source, view)| self.input(tile, source, view));
            let inputs = inputs.collect::<ort::Result<Vec<_>>>()?;
            let mut session = locked(&stage.sessions[*worker]);
            let start = Instant::now();
            let outputs = session.run_with_options(SessionInputs::from(&*inputs), handle.options.options())?;
            let elapsed = start.elapsed();
            let outputs = outputs.into_iter().zip(&stage.last_use);
            let kept =
                outputs.map(|((_, value), &last_use)| self.keep(*worker, value, &mut arenas[last_use]).map(Some));
            Ok::<_, ort::Error>((kept.collect::<ort::Result<_>>()?, elapsed))
        };
        let done = self.cancel.during(&handle.run, || in_one_line(run).map_err(|cause| run_error(self.model, cause)));
        self.pool.give(&mut taken);
        done
    }

    /// Returns an input of a stage; `exchanged` is the result of its exchange, if it has one.
    fn input<'v>(
        &'v self,
        tile: usize,
        source: &Source,
        exchanged: Option<View<'v, T>>,
    ) -> ort::Result<SessionInputValue<'v>> {
        match source {
            Source::Structure(input) => self.tensors[tile].view(*input),
            Source::Narrow(input) => self.narrow().view(tile, *input),
            Source::Kept(origin) => {
                let (tensor, arena) = self.output(tile, *origin);
                tensor.input::<T>(arena)
            }
            Source::Exchanged(_) => value(exchanged.expect("an exchanged input has a tensor")),
        }
    }

    fn keep(&self, worker: usize, value: DynValue, arena: &mut Arena) -> ort::Result<KeptTensor> {
        match self.in_place {
            true => KeptTensor::in_place::<T>(worker, value),
            false => KeptTensor::copied::<T>(worker, &value, arena, self.pool),
        }
    }

    /// Returns a kept output of a stage, and its memory.
    fn output(&self, tile: usize, origin: Origin) -> (&KeptTensor, &Arena) {
        let StageOutputs { tensors, arenas } = &self.stage_outputs[origin.stage];
        let tensor = tensors[tile][origin.output].as_ref().expect("a tensor is kept until its last use");
        let last_use = self.partitioned.stages[origin.stage].last_use[origin.output];
        (tensor, &arenas[tensor.worker][last_use])
    }

    /// Returns whether a kept output of a stage holds real numbers.
    pub fn is_real(&self, origin: Origin) -> bool {
        self.output(0, origin).0.is_real()
    }

    /// Returns a kept output of a stage that holds real numbers.
    pub fn view(&self, tile: usize, origin: Origin) -> View<'_, T> {
        let (tensor, arena) = self.output(tile, origin);
        (&tensor.shape, tensor.numbers(arena))
    }

    /// Returns a kept output of a stage that holds integers in one row; `None` if it holds something else.
    pub fn integers(&self, tile: usize, origin: Origin) -> Option<&[i64]> {
        let (tensor, arena) = self.output(tile, origin);
        tensor.integers(arena).filter(|_| tensor.shape.len() == 1)
    }

    /// Returns the marks of all edges by a stage.
    pub fn marked(&self, keep: Origin) -> Result<Vec<bool>> {
        let marks = |tile| {
            let (tensor, arena) = self.output(tile, keep);
            tensor.flags(arena)
        };
        let marks: Option<Vec<_>> = (0..self.tiles.len()).map(marks).collect();
        let marked = marks.ok_or(OTHER_SIZE).and_then(|keep| marked(&self.tiles, &keep));
        marked.map_err(|fault| self.failed(fault))
    }

    /// Returns the neighbors of a tile, as atoms of the tile.
    pub fn atoms(&self, tile: usize) -> &[i64] {
        &self.tensors[tile].neighbors
    }

    /// Returns the narrow edges, of a stage after that which marks them.
    pub fn narrow(&self) -> &NarrowEdges {
        self.narrow.as_ref().expect("the stage that marks edges is before those of the narrow edges")
    }

    fn arenas(&self) -> impl Iterator<Item = &Arena> {
        self.stage_outputs.iter().flat_map(|done| &done.arenas).flatten()
    }

    pub fn bytes(&self) -> usize {
        self.arenas().map(Arena::bytes).chain(self.tensors.iter().map(Tensors::bytes)).sum()
    }

    pub fn slots(&self) -> usize {
        let edges = self.narrow.as_ref().map_or(&self.tiles, |narrow| &narrow.tiles);
        (0..edges.len()).map(|tile| edges.n_rows(tile, Rows::Slots)).sum()
    }

    pub fn slabs(&self) -> usize {
        self.arenas().map(Arena::slabs).sum()
    }

    pub fn drop_after(&mut self, stage: usize) {
        let stages = &self.partitioned.stages;
        self.received.retain(|received| stages[received.origin.stage].last_use[received.origin.output] > stage);
        for (done, Stage { last_use, .. }) in self.stage_outputs.iter_mut().zip(stages) {
            let tensors = done.tensors.iter_mut().flat_map(|outputs| outputs.iter_mut().zip(last_use));
            tensors.filter(|(_, last_use)| **last_use == stage).for_each(|(tensor, _)| *tensor = None);
            done.arenas.iter_mut().for_each(|arenas| self.pool.give(&mut arenas[stage]));
        }
    }

    fn read(&self, tile: usize, forces: Forces) -> Result<Response> {
        let find = |name: &str| self.partitioned.outputs.get(name).map(|&origin| Ok(self.view(tile, origin)));
        let responses = Reader::new(&self.model.metadata, &find).responses(&self.tensors[tile], forces);
        let mut responses = responses.map_err(|error| within(self.tiles.centers(tile).start, error))?;
        Ok(responses.remove(0))
    }

    pub fn failed(&self, cause: &str) -> Error {
        run_error(self.model, ForeignError::new(cause))
    }
}

fn value<'a, T: Real>(view: View<'a, T>) -> ort::Result<SessionInputValue<'a>> {
    Ok(TensorRef::from_array_view(view)?.into())
}

/// Converts the indices in an error of a tile to indices of all centers; the tile's centers begin at `first`.
fn within(first: usize, mut error: Error) -> Error {
    if let Error::OutputNotFinite { output: name, index, center, .. } = &mut error {
        index[usize::from(name == output::ENSEMBLE_ENERGIES)] += first;
        center.iter_mut().for_each(|center| *center += first);
    }
    error
}

/// Joins the responses of consecutive tiles to the response of the graph.
fn joined(tiles: impl Iterator<Item = Response>, forces: Forces, graph: &Graph) -> Response {
    let derivative = match forces {
        Forces::Conservative => Derivative::EdgeGradients(Vec::with_capacity(graph.n_edges())),
        Forces::Direct => Derivative::Direct { forces: Vec::with_capacity(graph.n_centers()), stress: None },
    };
    let (atomic_energies, ensemble_energies, member_derivatives, outputs) = Default::default();
    let mut whole = Response { atomic_energies, derivative, ensemble_energies, member_derivatives, outputs };
    for tile in tiles {
        whole.atomic_energies.extend(tile.atomic_energies);
        whole.ensemble_energies.resize(tile.ensemble_energies.len(), Vec::new());
        whole.ensemble_energies.iter_mut().zip(tile.ensemble_energies).for_each(|(whole, tile)| whole.extend(tile));
        join_outputs(&mut whole.outputs, tile.outputs);
        match (&mut whole.derivative, tile.derivative) {
            (Derivative::EdgeGradients(whole), Derivative::EdgeGradients(tile)) => whole.extend(tile),
            (Derivative::Direct { forces: whole, .. }, Derivative::Direct { forces: tile, .. }) => whole.extend(tile),
            _ => unreachable!("a tile returns the requested kind of forces"),
        }
    }
    whole
}

fn join_outputs(whole: &mut Vec<Output>, tile: Vec<Output>) {
    if whole.is_empty() {
        *whole = tile;
        return;
    }
    whole.iter_mut().zip(tile).for_each(|(whole, tile)| whole.values.extend(tile.values));
}
