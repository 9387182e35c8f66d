//! Errors of external data: weights of a model in other files.

use std::path::PathBuf;

use super::Malformed;

tumble_core::errors! {
    /// An error of a file with weights of a model, as the rest of a sentence that ends with the file's name.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ExternalDataError {
        /// A path that leads out of the model's folder.
        #[error(
            "which is not a path inside the model's folder: save the model with its weights beside it, or in one file"
        )]
        Elsewhere,

        /// A missing or unreadable file.
        #[error("which cannot be read ({source}): put it beside the model, into {}", folder.display())]
        Unreadable {
            /// The folder of the model.
            folder: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A folder or a device.
        #[error("which is not a file: save the model with its weights beside it, or in one file")]
        NoFile,

        /// A file too large for a model in memory.
        #[error("which makes the model larger than {most} MB, the limit for an ONNX model in memory")]
        TooLong {
            /// The limit, MB.
            most: u64,
        },

        /// Fewer bytes than the model reads.
        #[error(
            "which has {found} bytes, but the model reads {length} from byte {offset} on: it was cut short or belongs \
             to another model"
        )]
        Short {
            /// Bytes of the file.
            found: usize,
            /// Number of bytes read, or "all".
            length: String,
            /// First byte read.
            offset: usize,
        },

        /// A malformed tensor.
        #[error(transparent)]
        Malformed(#[from] Malformed),
    }
}
