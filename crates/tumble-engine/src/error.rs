//! What can go wrong with the evaluation of a model: the errors of [`tumble_onnx`], and why a model is not cut at its
//! layers, which is no failure.

use tumble_core::panics::ForeignError;
pub use tumble_onnx::error::{Error, Malformed, Result};

/// Why a model cannot be cut at its layers, so that large structures are evaluated block by block: the rest of a sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// A stress, which is no sum over centers.
    #[error("its stress is one of the whole structure")]
    Stress,

    /// More stages than there are layers in any model.
    #[error("it has {found} stages, more than the {most} that it is cut into")]
    Stages {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        most: usize,
    },

    /// A branch or a loop, which sees tensors that are not among its inputs.
    #[error("its node {operator} has graphs inside")]
    Nested {
        /// Its operator.
        operator: String,
    },

    /// A tensor that a tile does not have for itself.
    #[error("its tensor {name} cannot be had for some of the centers only")]
    Global {
        /// Its name.
        name: String,
    },

    /// A tensor that no stage makes.
    #[error("its tensor {name} is of no stage")]
    NoStage {
        /// Its name.
        name: String,
    },

    /// A tensor between stages that is not of real numbers.
    #[error("its tensor {name} of {kind} would have to be kept")]
    Kind {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
    },

    /// Other results than in one piece.
    #[error("in parts it gives other numbers than as a whole")]
    Differs,

    /// A file that cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),

    /// A part that cannot be opened or evaluated.
    #[error(transparent)]
    Part(#[from] tumble_core::Error),

    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] ForeignError),
}
