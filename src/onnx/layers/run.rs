//! The evaluation of a structure, stage by stage.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ort::session::SessionInputValue;
use ort::value::{DynValue, TensorRef};

use super::spare::Spare;
use super::stream::append;
use super::tiles::{Rows, Tiles};
use super::{Exchange, Layers, Stage};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::onnx::lane::{Timed, in_order, longest, run_error, shared_out};
use crate::onnx::library::guarded;
use crate::onnx::metadata::Precision;
use crate::onnx::packing::{Real, Tensors};
use crate::onnx::session::Model;
use crate::onnx::signature::{Input, output};
use crate::onnx::unpacking::Reader;
use crate::potential::{Derivative, Forces, Replicas, Response};
use crate::rotation::Matrix3;

/// A tensor, in memory of our own: a session never gives back what it has once taken.
struct Tensor<T> {
    shape: Vec<i64>,
    values: Vec<T>,
}

/// What a tile keeps from one stage to another, and its outputs, by name.
type Kept<T> = HashMap<String, Tensor<T>>;

/// What is exchanged: the tensor of each tile.
struct Source<'a, T> {
    rows: Rows,
    tiles: Vec<&'a Tensor<T>>,
}

impl Layers {
    /// Evaluates one replica in tiles of `size` centers, with memory that is taken from `spare` and left there; also tells
    /// the bytes that were kept at most.
    pub fn evaluate(
        &self,
        model: &Model,
        replica: (&Graph, &Matrix3),
        forces: Forces,
        size: usize,
        spare: &Spares,
    ) -> Result<(Timed, usize)> {
        match model.metadata.precision {
            Precision::Float32 => Run::new(self, model, replica, size, &spare.float32)?.evaluate(forces),
            Precision::Float64 => Run::new(self, model, replica, size, &spare.float64)?.evaluate(forces),
        }
    }
}

/// Memory of tensors of either precision, of which a model has one.
#[derive(Default)]
pub(in crate::onnx) struct Spares {
    float32: Spare<f32>,
    float64: Spare<f64>,
}

/// One evaluation.
struct Run<'a, T> {
    layers: &'a Layers,
    model: &'a Model,
    tiles: Tiles<'a>,
    /// The model's inputs, tile by tile.
    tensors: Vec<Tensors<T>>,
    /// Tile by tile.
    kept: Vec<Kept<T>>,
    spare: &'a Spare<T>,
}

impl<'a, T: Real> Run<'a, T> {
    fn new(
        layers: &'a Layers,
        model: &'a Model,
        (graph, rotation): (&'a Graph, &'a Matrix3),
        size: usize,
        spare: &'a Spare<T>,
    ) -> Result<Self> {
        let tiles = Tiles::new(graph, size);
        let kept = (0..tiles.len()).map(|_| Kept::new()).collect();
        let mut run = Self { layers, model, tiles, tensors: Vec::new(), kept, spare };
        run.tensors = in_order(run.all_tiles(|_, tile| Ok(run.pack(tile, rotation)))?).collect();
        Ok(run)
    }

    fn pack(&self, tile: usize, rotation: &Matrix3) -> Tensors<T> {
        let mut tensors = Tensors::of(&self.model.metadata);
        tensors.pack(&[Replicas { graph: &self.tiles.graph(tile), rotations: &[*rotation] }]);
        tensors
    }

    fn evaluate(mut self, forces: Forces) -> Result<(Timed, usize)> {
        let (mut elapsed, mut most) = (Duration::ZERO, 0);
        for (number, stage) in self.layers.stages.iter().enumerate() {
            elapsed += self.compute(stage)?;
            most = most.max(self.bytes());
            self.drop_after(number);
        }
        let responses = self.all_tiles(|_, tile| self.read(tile, forces))?;
        self.kept.drain(..).flatten().for_each(|(_, tensor)| self.spare.give(tensor.values));
        self.spare.limit(most);
        Ok(((vec![joined(in_order(responses), forces)], elapsed), most))
    }

    /// One stage of all tiles; the time that ONNX Runtime took.
    fn compute(&mut self, stage: &Stage) -> Result<Duration> {
        let sources = self.sources(stage)?;
        let done = self.all_tiles(|lane, tile| self.compute_tile(stage, lane, tile, &sources))?;
        let elapsed = longest(&done);
        self.kept.iter_mut().zip(in_order(done)).for_each(|(kept, (outputs, _))| kept.extend(outputs));
        Ok(elapsed)
    }

    /// Does the same for each tile, in the lane that is free first; results as [`shared_out`] has them.
    fn all_tiles<R: Send>(&self, work: impl Fn(usize, usize) -> Result<R> + Sync) -> Result<Vec<Vec<(usize, R)>>> {
        let lanes = self.layers.stages[0].sessions.len().min(self.tiles.len());
        shared_out(0..lanes, self.tiles.len(), |lane, tile| work(*lane, tile))
    }

    /// What is exchanged for a stage, of all tiles.
    fn sources<'s>(&'s self, stage: &'s Stage) -> Result<HashMap<&'s str, Source<'s, T>>> {
        let exchanged = stage.inputs.iter().filter_map(|name| Some((name, self.layers.exchanges.get(name)?)));
        exchanged.map(|(name, exchange)| Ok((name.as_str(), self.source(exchange)?))).collect()
    }

    fn source(&self, exchange: &Exchange) -> Result<Source<'_, T>> {
        let tiles: Vec<_> = self.kept.iter().map(|kept| &kept[&exchange.data]).collect();
        let fits = |rows: &Rows| {
            let count = |tile| self.tiles.n_rows(tile, *rows) as i64;
            tiles.iter().enumerate().all(|(tile, tensor)| tensor.shape.first() == Some(&count(tile)))
        };
        let known = exchange.rows.get().copied();
        let rows = known.or_else(|| Rows::ALL.into_iter().find(fits)).filter(fits);
        let unfit = || self.failed(format!("its tensor {} has not one row for each edge", exchange.data));
        let rows = rows.ok_or_else(unfit)?;
        Ok(Source { rows: *exchange.rows.get_or_init(|| rows), tiles })
    }

    /// What a tile has after an exchange: its own rows, but that of the reversed edge for each edge.
    fn exchanged(&self, tile: usize, source: &Source<T>) -> Result<Tensor<T>> {
        let Tensor { shape, values: own } = source.tiles[tile];
        let mut values = self.spare.take(own.len()).map_err(|cause| self.failed(cause))?;
        let width = shape[1..].iter().product::<i64>() as usize;
        for (row, other, back) in self.tiles.reversed(tile, source.rows) {
            values.extend_from_slice(&own[values.len()..row * width]);
            values.extend_from_slice(&source.tiles[other].values[back * width..(back + 1) * width]);
        }
        values.extend_from_slice(&own[values.len()..]);
        Ok(Tensor { shape: shape.clone(), values })
    }

    fn compute_tile(
        &self,
        stage: &Stage,
        lane: usize,
        tile: usize,
        sources: &HashMap<&str, Source<T>>,
    ) -> Result<(Kept<T>, Duration)> {
        let exchanged = sources.iter().map(|(name, source)| Ok((*name, self.exchanged(tile, source)?)));
        let exchanged: HashMap<_, _> = exchanged.collect::<Result<_>>()?;
        let input = |name: &'_ String| -> ort::Result<(String, SessionInputValue<'_>)> {
            let value = match Input::named(name) {
                Some(input) => self.tensors[tile].view(input)?,
                None => exchanged.get(name.as_str()).unwrap_or_else(|| &self.kept[tile][name]).view()?,
            };
            Ok((name.clone(), value))
        };
        let run = || {
            let inputs = stage.inputs.iter().map(input).collect::<ort::Result<Vec<_>>>()?;
            let mut session = stage.sessions[lane].lock().unwrap_or_else(PoisonError::into_inner);
            let start = Instant::now();
            let outputs = session.run(inputs)?;
            let elapsed = start.elapsed();
            let kept = outputs.iter().map(|(name, value)| Ok((name.to_owned(), self.keep(&value)?)));
            Ok::<_, ort::Error>((kept.collect::<ort::Result<_>>()?, elapsed))
        };
        let done = guarded(run).map_err(|cause| self.failed(cause));
        exchanged.into_values().for_each(|tensor| self.spare.give(tensor.values));
        done
    }

    fn keep(&self, value: &DynValue) -> ort::Result<Tensor<T>> {
        let (shape, found) = value.try_extract_tensor::<T>()?;
        let mut values = self.spare.take(found.len()).map_err(ort::Error::new)?;
        append(&mut values, found);
        Ok(Tensor { shape: shape.to_vec(), values })
    }

    fn bytes(&self) -> usize {
        let kept = self.kept.iter().flat_map(HashMap::values).map(|tensor| size_of_val(&*tensor.values));
        kept.chain(self.tensors.iter().map(Tensors::bytes)).sum()
    }

    fn drop_after(&mut self, stage: usize) {
        let done = |name: &String| self.layers.last_use.get(name).is_some_and(|&last| last <= stage);
        let dropped = self.kept.iter_mut().flat_map(|kept| kept.extract_if(|name, _| done(name)));
        dropped.for_each(|(_, tensor)| self.spare.give(tensor.values));
    }

    fn read(&self, tile: usize, forces: Forces) -> Result<Response> {
        let find = |name: &str| self.kept[tile].get(name).map(|tensor| Ok((&*tensor.shape, &*tensor.values)));
        let responses = Reader::new(&self.model.metadata, &find).responses(&self.tensors[tile], forces);
        let mut responses = responses.map_err(|error| within(self.tiles.centers(tile).start, error))?;
        Ok(responses.remove(0))
    }

    fn failed(&self, cause: String) -> Error {
        run_error(self.model, cause)
    }
}

impl<T: Real> Tensor<T> {
    fn view(&self) -> ort::Result<SessionInputValue<'_>> {
        Ok(TensorRef::from_array_view((self.shape.clone(), &*self.values))?.into())
    }
}

/// An error of a tile, with its index among all centers, of which those of the tile begin at `first`.
fn within(first: usize, mut error: Error) -> Error {
    if let Error::OutputNotFinite { output: name, index, .. } = &mut error {
        index[usize::from(*name == output::ENSEMBLE_ENERGIES)] += first;
    }
    error
}

/// The responses of tiles that follow each other as one.
fn joined(tiles: impl Iterator<Item = Response>, forces: Forces) -> Response {
    let derivative = match forces {
        Forces::Conservative => Derivative::EdgeGradients(Vec::new()),
        Forces::Direct => Derivative::Direct { forces: Vec::new(), stress: None },
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
