//! Errors of external data: weights of a model in other files.

use std::path::PathBuf;

use tumble_core::echo::echo;

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
        #[error("which cannot be read ({source}): {} {}", remedy(source), folder.display())]
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
            "which has {found} bytes, but the model reads {length} from byte {offset} on for its tensor \"{}\": it was \
             cut short or belongs to another model", echo(tensor)
        )]
        Short {
            /// The tensor.
            tensor: String,
            /// Bytes of the file.
            found: usize,
            /// Number of bytes read, or "all".
            length: String,
            /// First byte read.
            offset: usize,
        },

        /// An offset or a length other than a number.
        #[error(
            "but the {key} of its tensor \"{}\" there is \"{}\" where a number of bytes was expected: export the \
             model again", echo(tensor), echo(value)
        )]
        NoNumber {
            /// The tensor.
            tensor: String,
            /// "offset" or "length".
            key: &'static str,
            /// The value.
            value: String,
        },

        /// A length that does not match the shape and the type.
        #[error(
            "but the length of its tensor \"{}\" there, from byte {offset} on, is {found} bytes where {expected} were \
             expected for its shape {shape:?} and its type: export the model again", echo(tensor)
        )]
        OtherLength {
            /// The tensor.
            tensor: String,
            /// First byte.
            offset: usize,
            /// The length, bytes.
            found: usize,
            /// The length by shape and type, bytes.
            expected: usize,
            /// The shape.
            shape: Vec<i64>,
        },

        /// A malformed tensor.
        #[error(transparent)]
        Malformed(#[from] Malformed),
    }
}

/// Returns what to do about a file that cannot be read, up to its folder.
fn remedy(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => "put it beside the model, into",
        std::io::ErrorKind::PermissionDenied => "allow yourself to read it, in",
        _ => "put a readable file in its place, in",
    }
}
