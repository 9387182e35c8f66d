//! The evaluation of a structure, stage by stage.

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ort::session::{SessionInputValue, SessionInputs};
use ort::value::{DynValue, TensorRef};
use tumble_core::cancel::Cancel;
use tumble_core::error::{Error, Result};
use tumble_core::graph::Graph;
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;
use tumble_core::parallel::{distribute, in_order};
use tumble_core::potential::{Derivative, Forces, Replicas, Response};
use tumble_core::rotation::Matrix3;
use tumble_onnx::contract::metadata::Precision;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::signature::output;
use tumble_onnx::contract::unpacking::Reader;
use tumble_onnx::runtime::session::Model;
use tumble_ops::Real;

use crate::partition::arena::{Arena, Pool, TensorRange};
use crate::partition::message_exchange::Messages;
use crate::partition::nontemporal::copy;
use crate::partition::tiles::Tiles;
use crate::partition::{Layers, Origin, Source, Stage};
use crate::worker::{Timed, longest, run_error};

/// An output of a stage in a tile.
struct Tensor {
    shape: Vec<i64>,
    lane: usize,
    place: TensorRange,
}

/// What a lane keeps of a stage, by the last stage that makes use of it.
type Shelves = Vec<Arena>;

/// What a stage has left.
struct Done {
    /// Tile by tile, output by output.
    tensors: Vec<Vec<Tensor>>,
    /// Of each lane.
    shelves: Vec<Shelves>,
}

/// A tensor's shape and its numbers.
pub(crate) type View<'a, T> = (&'a [i64], &'a [T]);

impl Layers {
    /// Evaluates one replica in tiles of `size` centers, with memory that is taken from `spare` and left there; also tells
    /// the bytes that were kept at most.
    pub fn evaluate(
        &self,
        model: &Model,
        replica: (&Graph, &Matrix3),
        forces: Forces,
        size: usize,
        spare: &SpareMemory,
        cancel: &Cancel,
    ) -> Result<(Timed, usize)> {
        match model.metadata.precision {
            Precision::Float32 => {
                Run::new(self, model, replica, size, (&spare.slabs, &spare.float32), cancel)?.evaluate(forces)
            }
            Precision::Float64 => {
                Run::new(self, model, replica, size, (&spare.slabs, &spare.float64), cancel)?.evaluate(forces)
            }
        }
    }
}

/// Memory that is used again.
#[derive(Default)]
pub(crate) struct SpareMemory {
    slabs: Pool,
    float32: Packed<f32>,
    float64: Packed<f64>,
}

/// The model's inputs, of tiles.
type Packed<T> = Mutex<Vec<Tensors<T>>>;

/// One evaluation.
pub(crate) struct Run<'a, T> {
    layers: &'a Layers,
    model: &'a Model,
    pub tiles: Tiles<'a>,
    /// The model's inputs, tile by tile.
    tensors: Vec<Tensors<T>>,
    /// Stage by stage.
    done: Vec<Done>,
    pub pool: &'a Pool,
    packed: &'a Packed<T>,
    cancel: &'a Cancel,
}

impl<'a, T: Real + Pod> Run<'a, T> {
    fn new(
        layers: &'a Layers,
        model: &'a Model,
        (graph, rotation): (&'a Graph, &'a Matrix3),
        size: usize,
        (pool, packed): (&'a Pool, &'a Packed<T>),
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let tiles = Tiles::new(graph, size);
        let mut run = Self { layers, model, tiles, tensors: Vec::new(), done: Vec::new(), pool, packed, cancel };
        run.tensors = in_order(run.all_tiles(run.lanes(), |_, tile| Ok(run.pack(tile, rotation)))?).collect();
        Ok(run)
    }

    fn pack(&self, tile: usize, rotation: &Matrix3) -> Tensors<T> {
        let before = locked(self.packed).pop();
        let mut tensors = before.unwrap_or_else(|| Tensors::of(&self.model.metadata));
        tensors.pack(&[Replicas { graph: &self.tiles.graph(tile), rotations: &[*rotation] }]);
        tensors
    }

    fn evaluate(mut self, forces: Forces) -> Result<(Timed, usize)> {
        let (mut elapsed, mut bytes, mut slabs) = (Duration::ZERO, 0, 0);
        for stage in 0..self.layers.stages.len() {
            elapsed += self.compute(stage)?;
            bytes = bytes.max(self.bytes());
            slabs = slabs.max(self.shelves().map(Arena::slabs).sum());
            self.drop_after(stage);
        }
        let responses = self.all_tiles(self.lanes(), |_, tile| self.read(tile, forces))?;
        let whole = joined(in_order(responses), forces, self.tiles.whole);
        self.give_back(slabs);
        Ok(((vec![whole], elapsed), bytes))
    }

    fn lanes(&self) -> Range<usize> {
        0..self.layers.stages[0].sessions.len().min(self.tiles.len())
    }

    /// Does the same for each tile, in the lane that is free first; results as [`distribute`] has them.
    fn all_tiles<L: Send, R: Send>(
        &self,
        lanes: impl IntoIterator<Item = L>,
        work: impl Fn(&mut L, usize) -> Result<R> + Sync,
    ) -> Result<Vec<Vec<(usize, R)>>> {
        distribute(lanes.into_iter(), self.tiles.len(), work)
    }

    /// One stage of all tiles; the time that ONNX Runtime took.
    fn compute(&mut self, number: usize) -> Result<Duration> {
        let stage = &self.layers.stages[number];
        let exchanged = self.exchanged(stage)?;
        let shelves = || (0..=self.layers.stages.len()).map(|_| Arena::default()).collect();
        let mut lanes: Vec<(usize, Shelves)> = self.lanes().map(|lane| (lane, shelves())).collect();
        let done = self.all_tiles(&mut lanes, |lane, tile| self.compute_tile(stage, lane, tile, &exchanged))?;
        let elapsed = longest(&done);
        let tensors = in_order(done).map(|(tensors, _)| tensors).collect();
        self.done.push(Done { tensors, shelves: lanes.into_iter().map(|(_, shelves)| shelves).collect() });
        Ok(elapsed)
    }

    fn compute_tile(
        &self,
        stage: &Stage,
        (lane, shelves): &mut (usize, Shelves),
        tile: usize,
        exchanged: &[Option<Messages<T>>],
    ) -> Result<(Vec<Tensor>, Duration)> {
        let (mut taken, lead) = (Arena::default(), &self.layers.leads[*lane]);
        let places = exchanged.iter().map(|messages| {
            let exchanged = messages.as_ref().map(|messages| self.exchange(tile, messages, &mut taken));
            exchanged.transpose().map_err(|error| self.failed(&error.to_string()))
        });
        let places: Vec<_> = places.collect::<Result<_>>()?;
        let views = exchanged.iter().zip(&places);
        let views = views.map(|(messages, place)| Some((messages.as_ref()?.tiles[tile].0, taken.get(place.as_ref()?))));
        let run = || {
            let inputs = stage.inputs.iter().zip(views).map(|(source, view)| self.input(tile, source, view));
            let inputs = inputs.collect::<ort::Result<Vec<_>>>()?;
            let mut session = locked(&stage.sessions[*lane]);
            let start = Instant::now();
            let outputs = session.run_with_options(SessionInputs::from(&*inputs), lead.options.options())?;
            let elapsed = start.elapsed();
            let kept = stage
                .last_use
                .iter()
                .enumerate()
                .map(|(output, &last_use)| self.keep(*lane, &outputs[output], &mut shelves[last_use]));
            Ok::<_, ort::Error>((kept.collect::<ort::Result<_>>()?, elapsed))
        };
        let done = self.cancel.during(&lead.run, || in_one_line(run).map_err(|cause| run_error(self.model, cause)));
        self.pool.give(&mut taken);
        done
    }

    /// An input of a stage; `exchanged` is what is exchanged for it.
    fn input<'v>(
        &'v self,
        tile: usize,
        source: &Source,
        exchanged: Option<View<'v, T>>,
    ) -> ort::Result<SessionInputValue<'v>> {
        match source {
            Source::Structure(input) => self.tensors[tile].view(*input),
            Source::Kept(origin) => value(self.view(tile, *origin)),
            Source::Exchanged(_) => value(exchanged.expect("what is exchanged has a place")),
        }
    }

    fn keep(&self, lane: usize, value: &DynValue, shelf: &mut Arena) -> ort::Result<Tensor> {
        let (shape, found) = value.try_extract_tensor::<T>()?;
        let place = shelf
            .add(found.len(), self.pool, |free| copy(found, free))
            .map_err(|error| ort::Error::new(error.to_string()))?;
        Ok(Tensor { shape: shape.to_vec(), lane, place })
    }

    /// An output of a stage that is kept.
    pub fn view(&self, tile: usize, origin: Origin) -> View<'_, T> {
        let Done { tensors, shelves } = &self.done[origin.stage];
        let Tensor { shape, lane, place } = &tensors[tile][origin.output];
        let last_use = self.layers.stages[origin.stage].last_use[origin.output];
        (shape, shelves[*lane][last_use].get(place))
    }

    fn shelves(&self) -> impl Iterator<Item = &Arena> {
        self.done.iter().flat_map(|done| &done.shelves).flatten()
    }

    fn bytes(&self) -> usize {
        self.shelves().map(Arena::bytes).chain(self.tensors.iter().map(Tensors::bytes)).sum()
    }

    fn drop_after(&mut self, stage: usize) {
        let shelves = self.done.iter_mut().flat_map(|done| &mut done.shelves);
        shelves.for_each(|shelves| self.pool.give(&mut shelves[stage]));
    }

    fn read(&self, tile: usize, forces: Forces) -> Result<Response> {
        let find = |name: &str| self.layers.outputs.get(name).map(|&origin| Ok(self.view(tile, origin)));
        let responses = Reader::new(&self.model.metadata, &find).responses(&self.tensors[tile], forces);
        let mut responses = responses.map_err(|error| within(self.tiles.centers(tile).start, error))?;
        Ok(responses.remove(0))
    }

    /// Leaves all memory for the next evaluation, if that takes about as much: at most so many slabs were kept, and each
    /// lane had one for what is exchanged.
    fn give_back(self, slabs: usize) {
        let slabs = slabs + self.lanes().len();
        let shelves = self.done.into_iter().flat_map(|done| done.shelves).flatten();
        shelves.for_each(|mut shelf| self.pool.give(&mut shelf));
        self.pool.limit(slabs);
        *locked(self.packed) = self.tensors.into_iter().rev().collect();
    }

    pub fn failed(&self, cause: &str) -> Error {
        run_error(self.model, ForeignError::new(cause))
    }
}

fn value<'a, T: Real>(view: View<'a, T>) -> ort::Result<SessionInputValue<'a>> {
    Ok(TensorRef::from_array_view(view)?.into())
}

/// An error of a tile, with its index among all centers, of which those of the tile begin at `first`.
fn within(first: usize, mut error: Error) -> Error {
    if let Error::OutputNotFinite { output: name, index, center, .. } = &mut error {
        index[usize::from(*name == output::ENSEMBLE_ENERGIES)] += first;
        center.iter_mut().for_each(|center| *center += first);
    }
    error
}

/// The responses of tiles that follow each other as the one of their graph.
fn joined(tiles: impl Iterator<Item = Response>, forces: Forces, graph: &Graph) -> Response {
    let derivative = match forces {
        Forces::Conservative => Derivative::EdgeGradients(Vec::with_capacity(graph.n_edges())),
        Forces::Direct => Derivative::Direct { forces: Vec::with_capacity(graph.n_centers()), stress: None },
    };
    let mut whole = Response { atomic_energies: Vec::new(), derivative, ensemble_energies: Vec::new() };
    for tile in tiles {
        whole.atomic_energies.extend(tile.atomic_energies);
        whole.ensemble_energies.resize(tile.ensemble_energies.len(), Vec::new());
        whole.ensemble_energies.iter_mut().zip(tile.ensemble_energies).for_each(|(whole, tile)| whole.extend(tile));
        match (&mut whole.derivative, tile.derivative) {
            (Derivative::EdgeGradients(whole), Derivative::EdgeGradients(tile)) => whole.extend(tile),
            (Derivative::Direct { forces: whole, .. }, Derivative::Direct { forces: tile, .. }) => whole.extend(tile),
            _ => unreachable!("a tile gives the kind of forces that it is asked for"),
        }
    }
    whole
}
