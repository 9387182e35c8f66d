//! Models in ONNX files, run by ONNX Runtime.
//!
//! The library of ONNX Runtime is found and loaded when the first model is ([`Options::library`] says where it is, else
//! `ORT_DYLIB_PATH`, else the places next to this program and in the active Python environment). What a model file
//! must be like is told in `docs/model-contract.md`.

#[doc(hidden)]
pub mod bare;
pub mod installation;
mod lane;
mod library;
mod metadata;
mod packing;
mod places;
mod proto;
mod session;
mod signature;
mod unpacking;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::lane::{Lane, Lanes, split};
pub use self::metadata::{CONTRACT_VERSION, EnergyUnit, Layout, LengthUnit, Metadata, Offer, Precision};
use self::packing::{n_slots, width};
pub use self::session::{Device, Options};
use self::session::{Model, Opener};
use crate::error::Result;
use crate::graph::Graph;
use crate::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use crate::rotation::Matrix3;

/// Working memory per edge slot where a model does not state it: what a PET of usual size takes.
const BYTES_PER_EDGE: usize = 20_000;

/// A model in an ONNX file.
///
/// Two of them that were loaded from the same file with the same options share their sessions, and take turns in them.
pub struct OnnxPotential {
    model: Model,
    info: ModelInfo,
    /// For a replica by itself: all threads share its work.
    whole: Lane,
    /// For several replicas.
    lanes: Lanes,
    /// Time inside ONNX Runtime.
    elapsed: Duration,
}

impl OnnxPotential {
    /// Loads a model and checks it against the contract.
    ///
    /// # Errors
    /// Those of finding and loading ONNX Runtime, [`Error::Read`], [`Error::NotOnnx`], [`Error::NoContract`],
    /// [`Error::ContractVersion`], [`Error::Contract`], [`Error::ModelRefused`] and [`Error::Device`].
    ///
    /// [`Error::Read`]: crate::Error::Read
    /// [`Error::NotOnnx`]: crate::Error::NotOnnx
    /// [`Error::NoContract`]: crate::Error::NoContract
    /// [`Error::ContractVersion`]: crate::Error::ContractVersion
    /// [`Error::Contract`]: crate::Error::Contract
    /// [`Error::ModelRefused`]: crate::Error::ModelRefused
    /// [`Error::Device`]: crate::Error::Device
    pub fn load(path: &Path, options: &Options) -> Result<Self> {
        let (opener, model, session) = Opener::load(path, options)?;
        let (whole, lanes) = (Lane::new(&model, session)?, Lanes::new(opener, options.threads));
        let info = ModelInfo { ensemble: model.signature.ensemble, ..model.metadata.info() };
        Ok(Self { info, whole, lanes, model, elapsed: Duration::ZERO })
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.model.metadata
    }

    /// SHA-256 of the file, hexadecimal.
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
        let (responses, elapsed) = match work.iter().map(|part| part.rotations.len()).sum() {
            0usize => return Ok(Vec::new()),
            replicas @ 2.. if self.lanes.count() > 1 => {
                let parts = split(work, self.parts(work).min(replicas));
                self.lanes.evaluate(&self.model, &parts, forces)?
            }
            _ => self.whole.evaluate(&self.model, work, forces)?,
        };
        self.elapsed += elapsed;
        Ok(responses)
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
        let metadata = &self.model.metadata;
        let width = width(graph).max(width(widest));
        n_slots(graph, metadata.layout, width).max(1) * metadata.bytes_per_edge.unwrap_or(BYTES_PER_EDGE)
    }
}

/// For fuzzing: the metadata under a key in the bytes of a model file, and the names of its nodes ScatterND that reduce.
#[doc(hidden)]
pub fn scan(bytes: &[u8], key: &str) -> std::result::Result<(Option<String>, Vec<String>), String> {
    proto::scan(bytes, key).map(|scan| (scan.metadata, scan.scatters))
}
