//! Bytes that are no ONNX model.

use super::OtherFormat;

tumble_core::errors! {
    /// Why a file is no ONNX model, as the rest of a sentence that begins with its name.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum Malformed {
        /// Not protobuf at all.
        #[error("its bytes are not a protobuf message")]
        NotProtobuf,

        /// A string that is not UTF-8.
        #[error("a name in it is no text")]
        NotText,

        /// A field that is longer than what is left.
        #[error("it ends {missing} bytes early, so it was cut short or is of another format")]
        CutShort {
            /// Bytes that are missing.
            missing: usize,
        },

        /// No bytes.
        #[error("the file is empty")]
        Empty,

        /// A folder in place of a file.
        #[error("it is a folder: give the .onnx file in it")]
        Folder,

        /// More bytes than protobuf's own readers take.
        #[error("it is longer than {most} MB, the most that one can be")]
        TooLong {
            /// Megabytes at most.
            most: u64,
        },

        /// A format that is known by how it begins.
        #[error(transparent)]
        OtherFormat(#[from] OtherFormat),

        /// No graph, or several.
        #[error("it holds {found} graphs instead of one")]
        Graphs {
            /// How many there are.
            found: usize,
        },

        /// Two functions of one name.
        #[error("it defines the function {name} twice")]
        FunctionTwice {
            /// The name.
            name: String,
        },

        /// A message of a tensor in two parts, which protobuf's own readers would put together.
        #[error("a tensor in it is given twice")]
        TensorTwice,

        /// An offset or a length that is no number.
        #[error("the {key} of a tensor outside of the file is \"{value}\", which is no number")]
        NoNumber {
            /// Which of the two.
            key: String,
            /// What was found.
            value: String,
        },

        /// A key of the metadata that was that of the checksum, but for a byte or two.
        #[error("its metadata have the key {key:?} where {expected:?} was written, so it is damaged")]
        DamagedKey {
            /// The key.
            key: String,
            /// That of the checksum.
            expected: &'static str,
        },

        /// Two checksums.
        #[error("it states its checksum twice")]
        ChecksumTwice,
    }
}
