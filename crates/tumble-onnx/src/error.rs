//! What can go wrong with ONNX Runtime and with model files.

mod contract_violation;
mod external_data;
mod malformed;
mod other_format;

use std::path::PathBuf;

use tumble_core::panics::ForeignError;

pub use contract_violation::ContractViolation;
pub use external_data::ExternalDataError;
pub use malformed::Malformed;
pub use other_format::OtherFormat;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(tumble_core::Error),

        /// A file could not be read.
        ///
        /// Cause: The file is not there, or may not be read; the system's reason is the end of the sentence.
        ///
        /// Cure: Give the right path, seen from the folder that the program was started in, and check the permissions.
        #[error("cannot read {}: {source}", path.display())]
        Read {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A file could not be written.
        ///
        /// Cause: The folder is not there or may not be written to, or the disk is full.
        ///
        /// Cure: Give a path in a folder that can be written to; for statistics that is `--stats`.
        #[error("cannot write {}: {source}", path.display())]
        Write {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// ONNX Runtime is nowhere to be found.
        ///
        /// Cause: ONNX Runtime is not installed, or in another Python environment.
        ///
        /// Cure: Do as the sentence says; `make build` puts a link to it beside the program.
        #[error(
            "ONNX Runtime was not found in any of: {tried}: install it with `pip install onnxruntime`, or set \
             ORT_DYLIB_PATH to the library or its folder"
        )]
        RuntimeMissing {
            /// Every place that was tried, in order.
            tried: String,
        },

        /// The place that the user named holds no ONNX Runtime.
        ///
        /// Cause: The variable or option that the sentence begins with points to a wrong place.
        ///
        /// Cure: Let it point to the library or its folder, or remove it.
        #[error(
            "{origin} names {}, but there is no ONNX Runtime library there: give the file libonnxruntime.so.* or the \
             folder that holds it", path.display()
        )]
        RuntimeNotThere {
            /// What named the place.
            origin: &'static str,
            /// The place.
            path: PathBuf,
        },

        /// ONNX Runtime is older than the interface that this program was built for.
        ///
        /// Cause: An older ONNX Runtime was found before the right one.
        ///
        /// Cure: Install a newer one, or name the right one by ORT_DYLIB_PATH.
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

        /// The library is there, but it cannot be loaded.
        ///
        /// Cause: The file is no library, is for another processor, or lacks a library of its own.
        ///
        /// Cure: Install the wheel again; `ldd` shows what it lacks.
        #[error("cannot load ONNX Runtime from {}: {source}", path.display())]
        RuntimeBroken {
            /// The library.
            path: PathBuf,
            /// The loader's reason.
            source: ForeignError,
        },

        /// A second ONNX Runtime was asked for in one process.
        ///
        /// Cause: Two pair styles or settings in one process name different libraries.
        ///
        /// Cure: Name one library, by ORT_DYLIB_PATH, for all of them.
        #[error(
            "ONNX Runtime is already loaded from {}, and {} cannot be loaded beside it: name the same library \
             everywhere", loaded.display(), asked.display()
        )]
        RuntimeTaken {
            /// The library in use.
            loaded: PathBuf,
            /// The library asked for.
            asked: PathBuf,
        },

        /// A model cannot run on the device that was asked for.
        ///
        /// Cause: The library has no CUDA provider, or its CUDA libraries or the GPU are missing.
        ///
        /// Cure: Do as the sentence says, or run with `device cpu`.
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

        /// A GPU in a process made by fork.
        ///
        /// Cause: The process was made by fork, as Python's multiprocessing does on Linux, after its parent had loaded
        /// the model on a GPU, which CUDA does not allow.
        ///
        /// Cure: Load the model in the child, or start children by `multiprocessing.get_context("spawn")`.
        #[error(
            "the model was loaded on cuda before this process was forked from its parent, which CUDA does not allow: \
             load it in the child, or start children by spawn"
        )]
        Forked,

        /// A file is not an ONNX model at all.
        ///
        /// Cause: The file is something else, as a checkpoint, a page of HTML or a pointer of Git LFS, or it was cut
        /// off on its way.
        ///
        /// Cure: Fetch or export it again.
        #[error("{} is not an ONNX model: {source}", path.display())]
        NotOnnx {
            /// The file.
            path: PathBuf,
            /// What is wrong with its bytes.
            source: Malformed,
        },

        /// ONNX Runtime cannot make a session of a model.
        ///
        /// Cause: The file needs a newer ONNX Runtime (opset), or has operators or types that it does not know.
        ///
        /// Cure: Install a newer ONNX Runtime, or export with a lower opset.
        #[error("ONNX Runtime refuses the model {}: {source}", path.display())]
        ModelRefused {
            /// The file.
            path: PathBuf,
            /// The runtime's reason.
            source: ForeignError,
        },

        /// An ONNX model that was not exported for this program.
        ///
        /// Cause: The file was made by another exporter.
        ///
        /// Cure: Export it with `tumble-export` (docs/export.md), or add what docs/model-contract.md#metadata asks for.
        #[error(
            "the model {} has no metadata under the key \"tumble\": export it as docs/model-contract.md describes",
            path.display()
        )]
        NoContract {
            /// The file.
            path: PathBuf,
        },

        /// A model that follows another version of the contract.
        ///
        /// Cause: The model and this program are of different age.
        ///
        /// Cure: Export the model again, or install the matching tumble.
        #[error(
            "the model {} follows version {found} of the model contract, but this program knows version {known} only: \
             export the model again, or use the program that it was made for", path.display()
        )]
        ContractVersion {
            /// The file.
            path: PathBuf,
            /// The version that it states, as written.
            found: String,
            /// The version known here.
            known: u32,
        },

        /// A model that breaks the contract.
        ///
        /// Cause: The metadata, inputs or outputs are not as the contract wants; the sentence names which.
        ///
        /// Cure: Mend the exporter by docs/model-contract.md.
        #[error("the model {} breaks the model contract: {source}", path.display())]
        Contract {
            /// The file.
            path: PathBuf,
            /// Which field, input or output, what was found, and what was expected.
            source: ContractViolation,
        },

        /// Weights outside of a model file that cannot be had.
        ///
        /// Cause: The model keeps weights in a second file (external data), which is not beside it, is cut short, or
        /// belongs to another model.
        ///
        /// Cure: Copy all files of the model together, or save it in one file (`save_as_external_data=False`).
        #[error("the model {} keeps weights in \"{location}\", {source}", path.display())]
        ExternalData {
            /// The file of the model.
            path: PathBuf,
            /// The other file, as the model names it.
            location: String,
            /// What is wrong with it, as the rest of a sentence.
            source: ExternalDataError,
        },

        /// A model whose contents are not those of its checksum.
        ///
        /// Cause: The file was damaged on its way or on its disk, or was changed after the export.
        ///
        /// Cure: Fetch it again; if you changed it, write the checksum anew by `tumble checksum FILE`.
        #[error(
            "the model {} is damaged: it states the checksum {stated}, but its contents have {found}: fetch it again, \
             or, if you changed it, run `tumble checksum {}`", path.display(), path.display()
        )]
        Damaged {
            /// The file.
            path: PathBuf,
            /// The checksum in the file.
            stated: String,
            /// That of the rest of the file.
            found: String,
        },

        /// Another model than the one demanded.
        ///
        /// Cause: `sha256` or `--sha256` demands a certain model, and the file is another one, or has changed.
        ///
        /// Cure: Give the file of that hash, or the hash of this file (`tumble info`) if it is the one that you want.
        #[error(
            "the model {} has the sha256 {found}, but {expected} was asked for: give the file of that hash, or correct \
             the sha256", path.display()
        )]
        OtherModel {
            /// The file.
            path: PathBuf,
            /// Its SHA-256, hexadecimal.
            found: String,
            /// The SHA-256 that it must have.
            expected: String,
        },

        /// An output of a model has the wrong shape.
        ///
        /// Cause: The model does not keep its shapes free, or has an output of the wrong rank.
        ///
        /// Cure: Export it again; docs/model-contract.md#what-the-model-must-guarantee says what must be free.
        #[error(
            "the model \"{model}\" gave {output} of shape {found:?} where {expected} was expected: export it again"
        )]
        OutputShape {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: &'static str,
            /// Its shape.
            found: Vec<i64>,
            /// Its shape by the contract, in words where it is not one shape.
            expected: String,
        },

        /// A run of a model failed inside ONNX Runtime.
        ///
        /// Cause: ONNX Runtime gave up in the middle, as for want of memory, or on shapes that were fixed at the
        /// export.
        ///
        /// Cure: Lower `memory`; if it fails with a few atoms too, export the model again.
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

/// For [`Potential`](tumble_core::potential::Potential), whose errors are those of any model.
impl From<Error> for tumble_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            other => Self::Model(Box::new(other)),
        }
    }
}
