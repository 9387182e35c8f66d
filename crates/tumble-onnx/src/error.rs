//! Errors of ONNX Runtime and of model files.

mod contract_violation;
mod external_data;
mod malformed;
mod other_format;

use std::path::PathBuf;

use tumble_core::echo::echo;
use tumble_core::panics::ForeignError;

pub use contract_violation::ContractViolation;
pub use external_data::ExternalDataError;
pub use malformed::Malformed;
pub use other_format::OtherFormat;

/// Result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error, as one sentence with the remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(tumble_core::Error),

        /// A file could not be read.
        ///
        /// Cause: The file does not exist or is not readable; the sentence ends with the system's reason.
        ///
        /// Cure: Give the right path, relative to the folder that the program was started in, and check the
        /// permissions.
        #[error("cannot read {}: {source}", path.display())]
        Read {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A file could not be written.
        ///
        /// Cause: The folder does not exist or is not writable, or the disk is full.
        ///
        /// Cure: Give a path in a writable folder; for statistics, with `--stats`.
        #[error("cannot write {}: {source}", path.display())]
        Write {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// ONNX Runtime was not found.
        ///
        /// Cause: ONNX Runtime is not installed, or is installed in another Python environment.
        ///
        /// Cure: Follow the sentence; `make build` puts a link to ONNX Runtime beside the program.
        #[error(
            "ONNX Runtime was not found in any of: {tried}: install it with `pip install onnxruntime`, or set \
             ORT_DYLIB_PATH to the library or its folder"
        )]
        RuntimeMissing {
            /// All places tried, in order.
            tried: String,
        },

        /// The path given by the user holds no ONNX Runtime.
        ///
        /// Cause: The variable or option at the beginning of the sentence has a wrong path.
        ///
        /// Cure: Set it to the library or its folder, or remove it.
        #[error(
            "{origin} names {}, but there is no ONNX Runtime library there: give the file libonnxruntime.so.* or the \
             folder that holds it", path.display()
        )]
        RuntimeNotThere {
            /// The variable or option with the path.
            origin: &'static str,
            /// The path.
            path: PathBuf,
        },

        /// ONNX Runtime is older than the interface used by this program.
        ///
        /// Cause: An older ONNX Runtime was found before the right one.
        ///
        /// Cure: Install a newer one, or set ORT_DYLIB_PATH to the right one.
        #[error(
            "the ONNX Runtime at {} is version {found}, but 1.{minor} or later is needed: install a newer one with \
             `pip install -U onnxruntime`", path.display()
        )]
        RuntimeTooOld {
            /// The library.
            path: PathBuf,
            /// Its version.
            found: String,
            /// Minor version needed.
            minor: u32,
        },

        /// The library cannot be loaded.
        ///
        /// Cause: The file is not a library, is for another processor, or depends on a missing library.
        ///
        /// Cure: Install the wheel again; `ldd` shows missing libraries.
        #[error("cannot load ONNX Runtime from {}: {source}", path.display())]
        RuntimeBroken {
            /// The library.
            path: PathBuf,
            /// The loader's reason.
            source: ForeignError,
        },

        /// A second ONNX Runtime was requested in one process.
        ///
        /// Cause: Two pair styles or settings in one process name different libraries.
        ///
        /// Cure: Set one library for all of them, with ORT_DYLIB_PATH.
        #[error(
            "ONNX Runtime is already loaded from {}, and {} cannot be loaded beside it: name the same library \
             everywhere", loaded.display(), asked.display()
        )]
        RuntimeTaken {
            /// The library in use.
            loaded: PathBuf,
            /// The library requested.
            asked: PathBuf,
        },

        /// A model cannot run on the requested device.
        ///
        /// Cause: The library has no CUDA provider, or its CUDA libraries or the GPU are missing.
        ///
        /// Cure: Follow the sentence, or run with `device cpu`.
        #[error(
            "cannot run on {device} with the ONNX Runtime at {}: {source}: install onnxruntime-gpu and put its CUDA \
             libraries on the loader path, or choose the device cpu", library.display()
        )]
        Device {
            /// The device.
            device: &'static str,
            /// The library.
            library: PathBuf,
            /// The runtime's reason.
            source: ForeignError,
        },

        /// A forked process uses a model that its parent loaded on a GPU.
        ///
        /// Cause: The process was forked, for example by Python's multiprocessing on Linux, after its parent had loaded
        /// the model on a GPU. CUDA does not support this.
        ///
        /// Cure: Load the model in the child, or start children with `multiprocessing.get_context("spawn")`.
        #[error(
            "the model was loaded on cuda before this process was forked from its parent, which CUDA does not allow: \
             load it in the child, or start children with spawn"
        )]
        Forked,

        /// A file is not an ONNX model.
        ///
        /// Cause: The file has another format (a checkpoint, an HTML page, a Git LFS pointer), or was truncated in
        /// transfer.
        ///
        /// Cure: Download or export it again.
        #[error("{} is not an ONNX model: {source}", path.display())]
        NotOnnx {
            /// The file.
            path: PathBuf,
            /// The defect of its bytes.
            source: Malformed,
        },

        /// ONNX Runtime cannot open a session for a model.
        ///
        /// Cause: The file needs a newer ONNX Runtime (opset), or has unsupported operators or types.
        ///
        /// Cure: Install a newer ONNX Runtime, or export with a lower opset.
        #[error("ONNX Runtime refuses the model {}: {source}", path.display())]
        ModelRefused {
            /// The file.
            path: PathBuf,
            /// The runtime's reason.
            source: ForeignError,
        },

        /// An ONNX model without metadata for tumble.
        ///
        /// Cause: The file was made by another exporter.
        ///
        /// Cure: Export it with `tumble-export` (docs/export.md), or add the metadata
        /// (docs/model-contract.md#metadata).
        #[error(
            "the model {} has no metadata under the key \"tumble\": export it as docs/model-contract.md describes",
            path.display()
        )]
        NoContract {
            /// The file.
            path: PathBuf,
        },

        /// A model with another version of the contract.
        ///
        /// Cause: The model was exported for an older or newer tumble.
        ///
        /// Cure: Export the model again, or install the matching tumble.
        #[error(
            "the model {} follows version {found} of the model contract, but this program knows versions up to {known}: \
             export the model again, or use the program that it was made for", path.display()
        )]
        ContractVersion {
            /// The file.
            path: PathBuf,
            /// Its version, as written.
            found: String,
            /// The supported version.
            known: u32,
        },

        /// A model that breaks the contract.
        ///
        /// Cause: The metadata, inputs or outputs do not follow the contract; the sentence names the field or tensor.
        ///
        /// Cure: Correct the exporter (docs/model-contract.md).
        #[error("the model {} breaks the model contract: {source}", path.display())]
        Contract {
            /// The file.
            path: PathBuf,
            /// The violation: the field, input or output, found and expected values.
            source: ContractViolation,
        },

        /// Weights in another file cannot be read.
        ///
        /// Cause: The model keeps weights in a second file (external data). This file is not beside the model, is
        /// truncated, or belongs to another model, or the model names wrong places in it.
        ///
        /// Cure: Copy all files of the model together, or save it in one file (`save_as_external_data=False`).
        #[error("the model {} keeps weights in \"{}\", {source}", path.display(), echo(location))]
        ExternalData {
            /// The file of the model.
            path: PathBuf,
            /// The other file, as the model names it.
            location: String,
            /// The reason, as the rest of a sentence.
            source: ExternalDataError,
        },

        /// The contents of a model do not match its checksum.
        ///
        /// Cause: The file was damaged in transfer or on disk, or was changed after the export.
        ///
        /// Cure: Download it again; if you changed it, update the checksum with `tumble checksum FILE`.
        #[error(
            "the model {} is damaged: its stored checksum is {stated}, but that of its contents is {found}: fetch it \
             again, or, if you changed it, run `tumble checksum {}`", path.display(), path.display()
        )]
        Damaged {
            /// The file.
            path: PathBuf,
            /// The checksum in the file.
            stated: String,
            /// The checksum of the rest of the file.
            found: String,
        },

        /// The hash of a model is not the requested one.
        ///
        /// Cause: The setting `sha256` or `--sha256` requests a certain model, and the file is another one or has
        /// changed.
        ///
        /// Cure: Give the file with that hash, or the hash of this file (`tumble info`) if it is the right one.
        #[error(
            "the model {} has the sha256 {found}, but {expected} was asked for: give the file of that hash, or correct \
             the sha256", path.display()
        )]
        OtherModel {
            /// The file.
            path: PathBuf,
            /// Its SHA-256, hexadecimal.
            found: String,
            /// The requested SHA-256.
            expected: String,
        },

        /// An output of a model has the wrong shape.
        ///
        /// Cause: The model has fixed shapes in place of dynamic ones, or an output of the wrong rank.
        ///
        /// Cure: Export it again with dynamic shapes (docs/model-contract.md#what-the-model-must-guarantee).
        #[error(
            "the model \"{model}\" gave {output} of shape {found:?} where {expected} was expected: export it again"
        )]
        OutputShape {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: String,
            /// Its shape.
            found: Vec<i64>,
            /// Its shape by the contract, or a description of the allowed shapes.
            expected: String,
        },

        /// A result of a model with a weight that is not finite.
        ///
        /// Cause: The training diverged, or numbers overflowed in a conversion to single precision.
        ///
        /// Cure: Train or export the model again; the structure is not at fault.
        #[error(
            "the model \"{model}\" gave {value} in {output}, and its weight \"{}\" has the value {found} where finite \
             numbers were expected: train or export the model again", echo(weight)
        )]
        WeightNotFinite {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: String,
            /// The value in the output.
            value: f64,
            /// Name of the weight.
            weight: String,
            /// The value in the weight.
            found: f64,
        },

        /// A run of a model failed inside ONNX Runtime.
        ///
        /// Cause: ONNX Runtime ran out of memory, or the export fixed shapes that must be dynamic.
        ///
        /// Cure: Lower `memory`; if the run fails with a few atoms too, export the model again.
        #[error("ONNX Runtime failed to run the model \"{model}\": {source}")]
        ModelRun {
            /// Name of the model.
            model: String,
            /// The runtime's reason.
            source: ForeignError,
        },
    }
}

impl From<tumble_core::Error> for Error {
    fn from(error: tumble_core::Error) -> Self {
        match error {
            tumble_core::Error::Model(inner) => match inner.downcast() {
                Ok(error) => *error,
                Err(other) => Self::Core(tumble_core::Error::Model(other)),
            },
            other => Self::Core(other),
        }
    }
}

/// For the functions of [`Potential`](tumble_core::potential::Potential), with an error type for any model.
impl From<Error> for tumble_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            other => Self::Model(Box::new(other)),
        }
    }
}
