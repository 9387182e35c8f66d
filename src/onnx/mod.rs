//! Models in ONNX files, run by ONNX Runtime.
//!
//! The library of ONNX Runtime is found and loaded when the first model is ([`Options::library`] says where it is, else
//! `ORT_DYLIB_PATH`, else the places next to this program and in the active Python environment). What a model file
//! must be like is told in `docs/model-contract.md`.

#[doc(hidden)]
pub mod bare;
mod library;
mod metadata;
mod packing;
mod places;
mod proto;
mod session;
mod signature;
mod unpacking;

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, SessionInputValue};

use self::library::guarded;
pub use self::metadata::{CONTRACT_VERSION, EnergyUnit, Layout, LengthUnit, Metadata, Offer, Precision};
use self::packing::{Real, Tensors, n_slots, width};
use self::session::Model;
pub use self::session::{Device, Options};
use self::unpacking::Reader;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use crate::rotation::Matrix3;

/// Working memory per edge slot where a model does not state it: what a PET of usual size takes.
const BYTES_PER_EDGE: usize = 20_000;

/// A model in an ONNX file.
///
/// Two of them that were loaded from the same file with the same options share one session, and take turns in it.
pub struct OnnxPotential {
    model: Model,
    info: ModelInfo,
    buffers: Buffers,
    /// The outputs to ask for, by kind of forces.
    selections: Vec<(Forces, RunOptions<HasSelectedOutputs>)>,
    /// Time inside ONNX Runtime.
    elapsed: Duration,
}

/// Tensors in the model's precision.
enum Buffers {
    Float32(Tensors<f32>),
    Float64(Tensors<f64>),
}

impl OnnxPotential {
    /// Loads a model and checks it against the contract.
    ///
    /// # Errors
    /// Those of finding and loading ONNX Runtime, [`Error::Read`], [`Error::NotOnnx`], [`Error::NoContract`],
    /// [`Error::ContractVersion`], [`Error::Contract`], [`Error::ModelRefused`] and [`Error::Device`].
    pub fn load(path: &Path, options: &Options) -> Result<Self> {
        let model = session::load(path, options)?;
        let metadata = &model.metadata;
        let (layout, cutoff, angstrom) = (metadata.layout, metadata.cutoff, metadata.length_unit.angstrom());
        let buffers = match metadata.precision {
            Precision::Float32 => Buffers::Float32(Tensors::new(layout, cutoff, angstrom)),
            Precision::Float64 => Buffers::Float64(Tensors::new(layout, cutoff, angstrom)),
        };
        let selections = metadata.forces.kinds().iter().map(|&kind| Ok((kind, select(&model, kind)?)));
        let selections =
            guarded(|| selections.collect::<ort::Result<_>>()).map_err(|cause| run_error(&metadata.name, cause))?;
        let info = ModelInfo { ensemble: model.signature.ensemble, ..metadata.info() };
        Ok(Self { info, buffers, selections, model, elapsed: Duration::ZERO })
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

    /// Whether the other one runs in the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.model.session, &other.model.session)
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
        let selection = self.selections.iter().find(|(kind, _)| *kind == forces).map(|(_, selection)| selection);
        let selection = selection.expect("there is a selection for each kind on offer");
        if work.iter().all(|part| part.rotations.is_empty()) {
            return Ok(Vec::new());
        }
        match &mut self.buffers {
            Buffers::Float32(tensors) => {
                tensors.pack(work);
                run(&self.model, tensors, selection, forces, &mut self.elapsed)
            }
            Buffers::Float64(tensors) => {
                tensors.pack(work);
                run(&self.model, tensors, selection, forces, &mut self.elapsed)
            }
        }
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

/// Asks for the outputs of one kind of forces only. ONNX Runtime computes the others all the same, but keeps them.
fn select(model: &Model, kind: Forces) -> ort::Result<RunOptions<HasSelectedOutputs>> {
    let outputs = model.signature.outputs(kind).fold(OutputSelector::no_default(), OutputSelector::with);
    Ok(RunOptions::new()?.with_outputs(outputs))
}

fn run<T: Real>(
    model: &Model,
    tensors: &Tensors<T>,
    selection: &RunOptions<HasSelectedOutputs>,
    forces: Forces,
    elapsed: &mut Duration,
) -> Result<Vec<Response>> {
    let metadata = &model.metadata;
    let mut session = model.session.lock().unwrap_or_else(PoisonError::into_inner);
    let inputs = || model.signature.inputs.iter().map(|(name, input)| Ok((*name, tensors.view(*input)?)));
    let outputs = guarded(|| {
        let inputs = inputs().collect::<ort::Result<Vec<(&str, SessionInputValue<'_>)>>>()?;
        let start = Instant::now();
        let outputs = session.run_with_options(inputs, selection);
        *elapsed += start.elapsed();
        outputs
    });
    let outputs = outputs.map_err(|cause| run_error(&metadata.name, cause))?;
    let reader = Reader {
        model: &metadata.name,
        angstrom: metadata.length_unit.angstrom(),
        electron_volt: metadata.energy_unit.electron_volt(),
        outputs: &outputs,
    };
    reader.responses(tensors, forces)
}

/// For fuzzing: the metadata under a key in the bytes of a model file, and the names of its nodes ScatterND that reduce.
#[doc(hidden)]
pub fn scan(bytes: &[u8], key: &str) -> std::result::Result<(Option<String>, Vec<String>), String> {
    proto::scan(bytes, key).map(|scan| (scan.metadata, scan.scatters))
}

fn run_error(model: &str, cause: String) -> Error {
    Error::ModelRun { model: model.to_owned(), cause }
}
