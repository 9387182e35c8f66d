//! The errors of the C interface.

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the error of the structure with this index among `count`.
    pub fn of_structure(self, index: usize, count: usize) -> Self {
        Self::Structure { number: index + 1, count, source: Box::new(self) }
    }

    /// Whether the host program has ended the evaluation.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Structure { source, .. } => source.is_cancelled(),
            _ => matches!(self, Self::Core(tumble_core::Error::Cancelled { .. })),
        }
    }
}

tumble_core::errors! {
    /// An error, displayed as one sentence with its remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of an argument, a structure, settings or the evaluation of a model.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// An error of a model file or of ONNX Runtime.
        #[error(transparent)]
        Engine(#[from] tumble_engine::Error),

        /// An error of a connection.
        #[error(transparent)]
        Ipi(#[from] tumble_ipi::Error),

        /// One of several structures that cannot be evaluated.
        ///
        /// Cause: This structure cannot be evaluated, for the reason after the colon, and so none of them has results.
        ///
        /// Cure: Look up that reason on this page, or leave the structure out.
        #[error("structure {number} of {count}: {source}")]
        Structure {
            /// Number of the structure (from 1).
            number: usize,
            /// Number of structures.
            count: usize,
            /// The error in this structure.
            source: Box<Error>,
        },
    }
}
