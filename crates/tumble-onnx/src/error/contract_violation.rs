//! Models that break the contract (docs/model-contract.md).

tumble_core::errors! {
    /// How a model breaks the contract, as the rest of a sentence that begins with its name.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ContractViolation {
        /// Two metadata for tumble.
        #[error("it has two entries of the key \"{key}\" in its metadata")]
        MetadataTwice {
            /// The key.
            key: &'static str,
        },

        /// Metadata that are no JSON.
        #[error("its metadata are not JSON: {source}")]
        NotJson {
            /// The reader's reason, with its place.
            source: serde_json::Error,
        },

        /// JSON with a key that is given twice.
        #[error("{source} of its metadata")]
        KeyTwice {
            /// The reader's reason, with its place.
            source: serde_json::Error,
        },

        /// Metadata without a version.
        #[error("missing field `version` in its metadata")]
        NoVersion,

        /// A field that is missing, unknown or of another type.
        #[error("{source} in its metadata")]
        Field {
            /// The reader's reason.
            source: serde_json::Error,
        },

        /// A cutoff that is no length.
        #[error("`cutoff` is {found:?} in its metadata where a length above 0 and up to 100 Å was expected")]
        Cutoff {
            /// The value, in the model's unit.
            found: f64,
        },

        /// A number of hops that is none, or more than make sense.
        #[error("`hops` is {found} in its metadata where a number from 1 to 100 was expected")]
        Hops {
            /// The value.
            found: usize,
        },

        /// Atomic numbers that are none, or not distinct.
        #[error(
            "`species` is {found:?} in its metadata where a list of distinct atomic numbers from 1 to 118 was expected"
        )]
        Species {
            /// The value, ascending.
            found: Vec<u8>,
        },

        /// Reference energies of other elements than the model's.
        #[error("`reference_energies` are of {found:?} in its metadata where one of each of `species` was expected")]
        ReferenceSpecies {
            /// Their elements.
            found: Vec<u8>,
        },

        /// A reference energy that is NaN or infinite.
        #[error("`reference_energies` of {element} is {found} in its metadata where an energy in eV was expected")]
        ReferenceEnergy {
            /// Its element.
            element: u8,
            /// The value.
            found: f64,
        },

        /// Memory for an edge that is none, or more than any computer has.
        #[error("`bytes_per_edge` is {found} in its metadata where a number from 1 to 1073741824 was expected")]
        BytesPerEdge {
            /// The value.
            found: usize,
        },

        /// A global energy without the input that tells structures apart.
        #[error(
            "its metadata say that its energy is one of the `whole` structure, but it has no input `replica` to tell \
             structures apart"
        )]
        NoReplica,

        /// An input that nobody fills.
        #[error("its input `{name}` is unknown, where inputs are among {known}")]
        UnknownInput {
            /// Its name.
            name: String,
            /// Names of those that there are in this layout.
            known: String,
        },

        /// An output that is not there.
        #[error("its output `{name}` is missing, which its forces kind promises")]
        NoOutput {
            /// Its name.
            name: &'static str,
        },

        /// An input or output that is no tensor.
        #[error("its {what} `{name}` is no tensor")]
        NoTensor {
            /// Which of the two.
            what: &'static str,
            /// Its name.
            name: String,
        },

        /// An input or output of another type.
        #[error("its {what} `{name}` is of {found} where {expected} was expected")]
        WrongType {
            /// Which of the two.
            what: &'static str,
            /// Its name.
            name: String,
            /// Its type.
            found: String,
            /// The type by the contract.
            expected: String,
        },

        /// A step of training.
        #[error("it holds a step of training (training_info): export it for inference")]
        Training,

        /// A node with a branch or a loop.
        #[error(
            "its node {operator} has a graph inside (If, Loop and Scan do): export it without branches and loops, \
             unrolled where their number is fixed"
        )]
        NestedNode {
            /// Its operator.
            operator: String,
        },

        /// A function with a branch or a loop in an attribute.
        #[error("its function {name} has an attribute with a graph inside")]
        NestedFunction {
            /// Its name.
            name: String,
        },

        /// An operator that nobody knows.
        #[error(
            "its operator {name} is of the domain \"{domain}\", which neither ONNX Runtime nor a function of the file \
             defines: export it with standard operators, or with the function"
        )]
        UnknownOperator {
            /// Its name.
            name: String,
            /// Its domain.
            domain: String,
        },

        /// More operators than can be worked on.
        #[error(
            "it has {found} operators with its functions written out, more than the {most} that are taken: export \
             a smaller graph"
        )]
        Operators {
            /// How many there are.
            found: u64,
            /// How many there may be.
            most: u64,
        },

        /// Functions that call one another without end.
        #[error("its functions call one another {depth} deep")]
        Deep {
            /// How deep they were followed.
            depth: usize,
        },

        /// A function that calls itself.
        #[error("its function {name} calls itself")]
        Recursive {
            /// Its name.
            name: String,
        },
    }
}
