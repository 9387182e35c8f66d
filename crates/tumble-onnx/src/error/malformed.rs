//! Defects of files that are not ONNX models.

use super::OtherFormat;

tumble_core::errors! {
    /// Reason why a file is not an ONNX model, as the rest of a sentence that begins with its name.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum Malformed {
        /// Not a protobuf message.
        #[error("its bytes are not a protobuf message")]
        NotProtobuf,

        /// A string that is not UTF-8.
        #[error("a name in it is not UTF-8 text")]
        NotText,

        /// A field longer than the rest of the file.
        #[error("it ends {missing} bytes early, so it was cut short or is of another format")]
        CutShort {
            /// Number of missing bytes.
            missing: usize,
        },

        /// No bytes.
        #[error("the file is empty")]
        Empty,

        /// A folder in place of a file.
        #[error("it is a folder: give the .onnx file in it")]
        Folder,

        /// More bytes than protobuf's own readers accept.
        #[error("it is longer than {most} MB, the limit of the format")]
        TooLong {
            /// The limit, MB.
            most: u64,
        },

        /// Another format, recognized by its first bytes.
        #[error(transparent)]
        OtherFormat(#[from] OtherFormat),

        /// No graph, or several.
        #[error("it holds {found} graphs instead of one")]
        Graphs {
            /// Number of graphs.
            found: usize,
        },

        /// Two functions of one name.
        #[error("it defines the function {name} twice")]
        FunctionTwice {
            /// The name.
            name: String,
        },

        /// A tensor in two messages, which protobuf's own readers would merge.
        #[error("a tensor in it is given twice")]
        TensorTwice,

        /// A key of the metadata that differs from the checksum's key by one or two bytes.
        #[error("its metadata has the key {key:?} where {expected:?} was written, so it is damaged")]
        DamagedKey {
            /// The key.
            key: String,
            /// The key of the checksum.
            expected: &'static str,
        },

        /// Two checksums.
        #[error("it has two checksums")]
        ChecksumTwice,
    }
}
