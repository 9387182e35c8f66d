//! Weights outside of a model file that cannot be had.

use std::path::PathBuf;

use super::Malformed;

tumble_core::errors! {
    /// What is wrong with a file that holds weights of a model, as the rest of a sentence that ends with its name.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ExternalDataError {
        /// A path that leads out of the model's folder.
        #[error("which is no place in the model's folder: save it with its weights beside it, or in one file")]
        Elsewhere,

        /// A file that is not there, or may not be read.
        #[error("which cannot be read ({source}): put it beside the model, into {}", folder.display())]
        Unreadable {
            /// The folder of the model.
            folder: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A folder or a device.
        #[error("which is no file: save the model with its weights beside it, or in one file")]
        NoFile,

        /// More bytes than a model in memory can have.
        #[error("which makes it more than {most} MB, the most that an ONNX model in memory can be")]
        TooLong {
            /// Megabytes at most.
            most: u64,
        },

        /// Fewer bytes than the model wants of it.
        #[error(
            "which has {found} bytes, where {length} from byte {offset} on are wanted: it was cut short or belongs to \
             another model"
        )]
        Short {
            /// Bytes of the file.
            found: usize,
            /// Bytes that are wanted, or "all".
            length: String,
            /// Where they begin.
            offset: usize,
        },

        /// A tensor that cannot be understood.
        #[error(transparent)]
        Malformed(#[from] Malformed),
    }
}
