//! Models in ONNX files, run by ONNX Runtime.
//!
//! The library of ONNX Runtime is found and loaded when the first model is ([`ExecutionOptions::library`] says where it is, else
//! `ORT_DYLIB_PATH`, else the places next to this program and in the active Python environment). What a model file
//! must be like is told in `docs/model-contract.md`.

use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::time::Duration;

use tumble_core::cancel::Cancel;
use tumble_core::error::Result;
use tumble_core::execution::{Device, ExecutionOptions};
use tumble_core::graph::Graph;
use tumble_core::potential::{CACHED, Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::rotation::Matrix3;
pub use tumble_onnx::contract::metadata::{
    CONTRACT_VERSION, EnergyUnit, Layout, LengthUnit, Metadata, Offer, Precision,
};
use tumble_onnx::contract::packing::{n_slots, width};
pub use tumble_onnx::file::checksum::stamp;
use tumble_onnx::runtime::session::{Model, Opener};

use crate::error::Error;
use crate::partition::{Layers, PRODUCTS_A_TENSOR, SpareMemory};
use crate::worker::{Timed, Worker, WorkerPool, split};

/// Working memory per edge slot where a model does not state it: what a PET of usual size takes.
const BYTES_PER_EDGE: usize = 20_000;

/// Working memory beyond which a structure is evaluated layer by layer even where there is more: computing layers again
/// takes less time by then than memory does that no cache holds.
const LARGE: usize = 256 << 20;

/// What the sessions of all stages take together in a lane, in tiles: only one of them works at a time, but each keeps
/// the memory that it has once taken, and stages that go forward only take little.
const TILES: usize = 2;

/// Centers of a tile at least: for fewer, most of the time would be ONNX Runtime's own for each node.
const SMALLEST_TILE: usize = 24;

/// A model in an ONNX file.
///
/// Two of them that were loaded from the same file with the same options share their sessions, and take turns in them.
pub struct OnnxPotential {
    model: Model,
    info: ModelInfo,
    /// For a replica by itself: all threads share its work.
    whole: Worker,
    /// For several replicas.
    lanes: WorkerPool,
    /// For a replica that takes much memory, or has all lanes for itself, from what takes least time to what takes least
    /// memory: opened when they are first needed. Or why the model cannot be cut.
    layers: [OnceLock<std::result::Result<Layers, String>>; PRODUCTS_A_TENSOR.len()],
    /// Memory for what layers keep, from the last evaluation.
    spare: SpareMemory,
    opener: Opener,
    /// Working memory that there is, bytes.
    memory: usize,
    /// Time inside ONNX Runtime.
    elapsed: Duration,
    cancel: Cancel,
    /// In which the sessions were opened.
    process: u32,
}

impl OnnxPotential {
    /// Loads a model and checks it against the contract.
    ///
    /// # Errors
    /// Those of finding and loading ONNX Runtime, [`Error::Read`], [`Error::NotOnnx`], [`Error::NoContract`],
    /// [`Error::ContractVersion`], [`Error::Contract`], [`Error::ExternalData`], [`Error::Damaged`], [`Error::OtherModel`], [`Error::ModelRefused`] and
    /// [`Error::Device`].
    pub fn load(path: &Path, options: &ExecutionOptions) -> Result<Self, Error> {
        let (opener, model, session) = Opener::load(path, options)?;
        let (whole, lanes) = (Worker::new(&model, session)?, WorkerPool::new(options.device, options.threads));
        let info = ModelInfo { ensemble: model.signature.ensemble, ..model.metadata.info() };
        let (layers, spare, memory) = (Default::default(), SpareMemory::default(), options.memory);
        let (elapsed, cancel, process) = (Duration::ZERO, Cancel::default(), process::id());
        Ok(Self { info, whole, lanes, layers, spare, opener, memory, model, elapsed, cancel, process })
    }

    /// Opens sessions anew in a process that a fork has made, where those of its parent cannot be used.
    fn reopen(&mut self) -> Result<()> {
        if self.opener.device == Device::Cuda {
            return Err(Error::Forked.into());
        }
        let whole = Worker::new(&self.model, self.opener.whole()?)?;
        let lanes = WorkerPool::new(self.opener.device, self.lanes.count());
        // Another thread of the parent may have been at work with them.
        mem::forget(mem::replace(&mut self.whole, whole));
        mem::forget(mem::replace(&mut self.lanes, lanes));
        mem::forget(mem::take(&mut self.layers));
        mem::forget(mem::take(&mut self.spare));
        self.process = process::id();
        Ok(())
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.model.metadata
    }

    /// SHA-256 of the file, hexadecimal; of the hashes of all its files where weights are in others.
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// What the user should know of how the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.model.notes
    }

    /// The library of ONNX Runtime in use.
    pub fn library(&self) -> &PathBuf {
        &self.model.library
    }

    /// Into how many parts work is cut for the lanes: each suits one run, and all lanes get as many.
    fn parts(&self, work: &[Replicas]) -> usize {
        let fitting = |graph| (self.bytes_per_run() / self.bytes_per_replica(graph)).max(1);
        let parts: f64 = work.iter().map(|part| part.rotations.len() as f64 / fitting(part.graph) as f64).sum();
        (parts.ceil() as usize).next_multiple_of(self.lanes.count())
    }

    /// The number of stages in which large structures are evaluated, tile by tile; the error says why the model cannot be
    /// cut into stages, so that they are evaluated block by block.
    ///
    /// # Errors
    /// A sentence.
    pub fn stages(&self) -> std::result::Result<usize, &str> {
        self.layers(0).map(Layers::stages)
    }

    /// The model cut at its layers in one of the ways that there are, or why it cannot be.
    fn layers(&self, way: usize) -> std::result::Result<&Layers, &str> {
        let open = || {
            if self.opener.device == Device::Cuda {
                return Err("a GPU takes it in one piece".to_owned());
            }
            let mut whole = Worker::new(&self.model, self.whole.session()).map_err(|error| error.to_string())?;
            Layers::open(&self.opener, &self.model, &mut whole, self.lanes.count(), PRODUCTS_A_TENSOR[way])
                .map_err(|error| error.to_string())
        };
        self.layers[way].get_or_init(open).as_ref().map_err(String::as_str)
    }

    /// The model cut at its layers, where replicas of the graph are evaluated so: of a large one, or if they are too few
    /// for all lanes.
    fn layers_for(&self, graph: &Graph, replicas: usize) -> Option<&Layers> {
        let few = replicas < self.lanes.count() && graph.n_centers() >= 2 * SMALLEST_TILE;
        let large = self.is_large(self.bytes_in_one_piece(graph, graph));
        (few || large).then(|| self.fastest_layers(graph)).flatten()
    }

    /// The way to cut the model that takes least time, of those that memory suffices for, or else least memory.
    fn fastest_layers(&self, graph: &Graph) -> Option<&Layers> {
        // One that cannot be opened ends the search: no other can.
        let fits =
            |&way: &usize| self.layers(way).map_or(true, |layers| self.bytes_in_layers(layers, graph) <= self.memory);
        let least = PRODUCTS_A_TENSOR.len() - 1;
        self.layers((0..least).find(fits).unwrap_or(least)).ok()
    }

    fn bytes_in_layers(&self, layers: &Layers, graph: &Graph) -> usize {
        layers.bytes_kept(self.slots(graph, graph)) + TILES * self.lanes.count() * self.bytes_per_tile()
    }

    /// Whether a structure that takes so much memory in one piece is evaluated layer by layer.
    fn is_large(&self, bytes: usize) -> bool {
        bytes > self.memory.min(LARGE)
    }

    /// Working memory of a tile, bytes: what caches hold, or what leaves half of all memory for what is kept.
    fn bytes_per_tile(&self) -> usize {
        CACHED.min(self.memory / (2 * TILES * self.lanes.count()))
    }

    /// Centers of a tile: all lanes get as many tiles of about the same size.
    fn tile(&self, graph: &Graph) -> usize {
        let (centers, lanes) = (graph.n_centers(), self.lanes.count());
        let bytes = self.bytes_in_one_piece(graph, graph).div_ceil(centers);
        let most = (self.bytes_per_tile() / bytes).max(SMALLEST_TILE);
        centers.div_ceil(centers.div_ceil(most).next_multiple_of(lanes))
    }

    fn bytes_in_one_piece(&self, graph: &Graph, widest: &Graph) -> usize {
        self.slots(graph, widest) * self.model.metadata.bytes_per_edge.unwrap_or(BYTES_PER_EDGE)
    }

    /// Edge slots of a replica, padded as the other one.
    fn slots(&self, graph: &Graph, widest: &Graph) -> usize {
        n_slots(graph, self.model.metadata.layout, width(graph).max(width(widest))).max(1)
    }

    /// Evaluates replicas that share runs.
    fn together(&mut self, work: &[Replicas], forces: Forces) -> Result<Timed> {
        let replicas: usize = work.iter().map(|part| part.rotations.len()).sum();
        let small = |part: &Replicas| part.graph.n_centers() < 2 * SMALLEST_TILE;
        if self.lanes.count() > 1 && (replicas > 1 || work.iter().all(small)) {
            let parts = split(work, self.parts(work).min(replicas));
            return self.lanes.evaluate(&self.opener, &self.model, &parts, forces, &self.cancel);
        }
        self.whole.evaluate(&self.model, work, forces, &self.cancel)
    }

    /// Evaluates replicas of one graph one after the other, layer by layer.
    fn in_layers(&self, layers: &Layers, part: &Replicas, forces: Forces) -> Result<Timed> {
        let (mut responses, mut elapsed) = (Vec::new(), Duration::ZERO);
        for rotation in part.rotations {
            let replica = (part.graph, rotation);
            let size = self.tile(part.graph);
            let ((found, time), _) = layers.evaluate(&self.model, replica, forces, size, &self.spare, &self.cancel)?;
            responses.extend(found);
            elapsed += time;
        }
        Ok((responses, elapsed))
    }

    /// Whether the other one runs in the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        self.whole.shares_session_with(&other.whole)
    }
}

impl Potential for OnnxPotential {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.evaluate_many(&[Replicas { graph, rotations }], forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        self.info.check_forces(forces)?;
        self.cancel.check()?;
        if self.process != process::id() {
            self.reopen()?;
        }
        let replicas = work.iter().map(|part| part.rotations.len()).sum();
        if replicas == 0 {
            return Ok(Vec::new());
        }
        let apart = work.iter().any(|part| self.layers_for(part.graph, replicas).is_some());
        let mut responses = Vec::new();
        for some in work.chunks(if apart { 1 } else { work.len() }) {
            let (found, elapsed) = match self.layers_for(some[0].graph, replicas) {
                Some(layers) => self.in_layers(layers, &some[0], forces)?,
                None => {
                    self.spare = SpareMemory::default();
                    self.together(some, forces)?
                }
            };
            responses.extend(found);
            self.elapsed += elapsed;
        }
        Ok(responses)
    }

    fn watch(&mut self, cancel: &Cancel) {
        self.cancel = cancel.clone();
    }

    fn lanes(&self) -> usize {
        self.lanes.count()
    }

    fn bytes_per_run(&self) -> usize {
        self.lanes.bytes_per_run()
    }

    fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    fn bytes_per_replica(&self, graph: &Graph) -> usize {
        self.bytes_beside(graph, graph)
    }

    fn bytes_beside(&self, graph: &Graph, widest: &Graph) -> usize {
        let whole = self.bytes_in_one_piece(graph, widest);
        match self.is_large(whole).then(|| self.fastest_layers(graph)).flatten() {
            Some(layers) => whole.min(self.bytes_in_layers(layers, graph)),
            None => whole,
        }
    }
}
