//! Violations of the model contract (docs/model-contract.md).

use tumble_core::echo::echo;

tumble_core::errors! {
    /// A violation of the contract by a model, as the rest of a sentence that begins with the model's name.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ContractViolation {
        /// Two entries of metadata for tumble.
        #[error("it has two entries of the key \"{key}\" in its metadata")]
        MetadataTwice {
            /// The key.
            key: &'static str,
        },

        /// Metadata other than JSON.
        #[error("its metadata is not JSON: {source}")]
        NotJson {
            /// The parser's reason, with line and column.
            source: serde_json::Error,
        },

        /// JSON with a duplicate key.
        ///
        /// Example: the key `cutoff` is given twice at line 1 column 60 of its metadata
        #[error("{source} of its metadata")]
        KeyTwice {
            /// The parser's reason, with line and column.
            source: serde_json::Error,
        },

        /// Metadata without a version.
        #[error("missing field `version` in its metadata")]
        NoVersion,

        /// A missing or unknown field, or one of another type.
        ///
        /// Example: unknown variant `furlong`, expected one of `angstrom`, `bohr`, `nm` in its metadata
        #[error("{source} in its metadata")]
        Field {
            /// The parser's reason.
            source: serde_json::Error,
        },

        /// A cutoff out of range.
        #[error("`cutoff` is {found:?} in its metadata where a length above 0 and up to 100 Å was expected")]
        Cutoff {
            /// The value, in the model's unit.
            found: f64,
        },

        /// A number of hops out of range.
        #[error("`hops` is {found} in its metadata where a whole number from 1 to 100 was expected")]
        Hops {
            /// The value, in JSON.
            found: String,
        },

        /// Atomic numbers that are out of range or not distinct.
        #[error(
            "`species` is {found:?} in its metadata where a list of distinct atomic numbers from 1 to 118 was expected"
        )]
        Species {
            /// The value, ascending.
            found: Vec<u8>,
        },

        /// Reference energies of other elements than the model's.
        #[error(
            "`reference_energies` has the elements {found:?} in its metadata where those of `species` were expected"
        )]
        ReferenceSpecies {
            /// Elements of the reference energies.
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

        /// Memory per edge out of range.
        #[error("`bytes_per_edge` is {found} in its metadata where a whole number from 1 to 1073741824 was expected")]
        BytesPerEdge {
            /// The value, in JSON.
            found: String,
        },

        /// A number of kept neighbors out of range.
        #[error("`kept_neighbors` is {found} in its metadata where a whole number from 1 was expected")]
        KeptNeighbors {
            /// The value, in JSON.
            found: String,
        },

        /// An output whose name means something else, or cannot be a key.
        #[error(
            "`outputs` has the name `{}` in its metadata where a name of small letters, digits and _ was expected, \
             such as `dipole`, and not that of another result, key or input", echo(found)
        )]
        OutputName {
            /// The name.
            found: String,
        },

        /// An output in an unknown unit.
        #[error(
            "`unit` of the output `{name}` is `{}` in its metadata where one of {known}, or no unit, was expected",
            echo(found)
        )]
        OutputUnit {
            /// Name of the output.
            name: String,
            /// The unit.
            found: String,
            /// All units.
            known: String,
        },

        /// A declared output of another shape than its law has.
        #[error("its output `{name}` has the shape {found} where {expected} was expected for a {law}: export it anew")]
        DeclaredShape {
            /// Name of the output.
            name: String,
            /// Name of its law.
            law: &'static str,
            /// The shape.
            found: String,
            /// The shape that the law has.
            expected: String,
        },

        /// A declared output that the file does not have.
        #[error("its metadata declares the output `{name}`, but it has none of this name: export it anew")]
        NoDeclaredOutput {
            /// Name of the output.
            name: String,
        },

        /// An exchange of rows in a file of an older version of the contract.
        #[error(
            "its operator {operator} needs version {first} of the contract, but `version` is {version} in its metadata: \
             export it anew"
        )]
        ExchangeVersion {
            /// The operator.
            operator: &'static str,
            /// Version of the file.
            version: u32,
            /// First version with the operator.
            first: u32,
        },

        /// Edges restored by other marks than those that dropped them.
        #[error(
            "its RestoreEdges has the marks `{marks}`, but no PruneEdges has them: give it the `keep` of the PruneEdges"
        )]
        RestoredMarks {
            /// Name of the tensor.
            marks: String,
        },

        /// A sum over atoms of several structures.
        #[error(
            "its operator SumOverStructure has the tensor `{found}` where the input `replica` was expected, so it would add \
             atoms of several structures: give it `replica`"
        )]
        SumNotReplica {
            /// Name of the tensor.
            found: String,
        },

        /// A sum over the structure in a model whose energy claims to be a sum over atoms.
        #[error(
            "its operator SumOverStructure adds all atoms, but its metadata does not say that its energy belongs to the \
             whole structure: set `whole` to true"
        )]
        SumNotWhole,

        /// A global energy without the input that tells structures apart.
        #[error("`whole` is true in its metadata, but it has no input `replica` to tell structures apart")]
        NoReplica,

        /// An input that is not part of the contract.
        #[error("its input `{name}` is unknown: expected one of {known}")]
        UnknownInput {
            /// Its name.
            name: String,
            /// Names of the inputs in this layout.
            known: String,
        },

        /// A missing output.
        #[error("its output `{name}` is missing, but `forces` in its metadata promises it")]
        NoOutput {
            /// Its name.
            name: &'static str,
        },

        /// An input or output other than a tensor.
        #[error("its {what} `{name}` is not a tensor")]
        NoTensor {
            /// "input" or "output".
            what: &'static str,
            /// Its name.
            name: String,
        },

        /// An input or output of another type.
        #[error("its {what} `{name}` is of {found} where {expected} was expected")]
        WrongType {
            /// "input" or "output".
            what: &'static str,
            /// Its name.
            name: String,
            /// Its type.
            found: String,
            /// The type by the contract.
            expected: String,
        },

        /// A training step.
        #[error("it contains a training step (training_info): export it for inference")]
        Training,

        /// A node with a branch or a loop.
        #[error(
            "its node {operator} contains a graph, as If, Loop and Scan do: export it without branches, and unroll its \
             loops"
        )]
        NestedNode {
            /// Its operator.
            operator: String,
        },

        /// A function with a branch or a loop in an attribute.
        #[error("its function {name} has an attribute with a graph")]
        NestedFunction {
            /// Its name.
            name: String,
        },

        /// An operator that neither ONNX Runtime, this program nor the file defines.
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

        /// More operators than supported.
        #[error(
            "it has {found} operators with its functions expanded, more than the limit of {most}: export a smaller \
             graph"
        )]
        Operators {
            /// Number of operators.
            found: u64,
            /// Largest number supported.
            most: u64,
        },

        /// Functions nested too deeply.
        #[error("its functions call one another more than {depth} levels deep")]
        Deep {
            /// The limit.
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
