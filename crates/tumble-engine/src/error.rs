//! Errors of the evaluation of a model ([`tumble_onnx::error`]), and reasons not to partition a model.

use tumble_core::panics::ForeignError;
pub use tumble_onnx::error::{Error, Malformed, Result};

/// Reason why a model cannot be partitioned into stages, as the rest of a sentence. It is no failure: large structures
/// are then evaluated block by block.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// The model has a stress, and a stress is not a sum over centers.
    #[error("its stress is not a sum over atoms")]
    Stress,

    /// More stages than any real model has.
    #[error("it has {found} stages, more than the supported {most}")]
    Stages {
        /// Number of stages.
        found: usize,
        /// Largest number supported.
        most: usize,
    },

    /// Edges are pruned more than once.
    #[error("it has more than one node PruneEdges")]
    Prunings,

    /// An output that no node computes from rows in their places.
    #[error("its output {name} is the result of an exchange of rows itself")]
    ExchangedOutput {
        /// Its name.
        name: String,
    },

    /// Rows of neighbors by something other than neighbors.
    #[error("its NeighborRows has the tensor `{name}` where the flat `neighbors` of edges were expected")]
    NotNeighbors {
        /// Its name.
        name: String,
    },

    /// A sum over something other than structures.
    #[error("its SumOverStructure has the tensor `{name}` where the input `replica` was expected")]
    NotReplica {
        /// Its name.
        name: String,
    },

    /// A branch or a loop; it reads tensors other than its inputs.
    #[error("its node {operator} contains a graph")]
    Nested {
        /// Its operator.
        operator: String,
    },

    /// A tensor that cannot be computed tile by tile.
    #[error("its tensor {name} cannot be computed for a part of the centers")]
    Global {
        /// Its name.
        name: String,
    },

    /// A tensor without a stage.
    #[error("no stage computes its tensor {name}")]
    NoStage {
        /// Its name.
        name: String,
    },

    /// A tensor between stages with a type other than real numbers, int64 and bool.
    #[error("its tensor {name} of {kind} cannot be kept between stages")]
    Kind {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
    },

    /// The stages give other results than the whole model.
    #[error("its stages give other results than the whole model")]
    Differs,

    /// The file is malformed.
    #[error(transparent)]
    Malformed(#[from] Malformed),

    /// A stage cannot be opened or evaluated.
    #[error(transparent)]
    Part(#[from] tumble_core::Error),

    /// ONNX Runtime reports an error.
    #[error(transparent)]
    Runtime(#[from] ForeignError),
}
