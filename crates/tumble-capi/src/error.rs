//! The errors of the C interface.

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the error of the structure with this index among `count`; of a single structure it says no number.
    pub fn of_structure(self, index: usize, count: usize) -> Self {
        if count == 1 {
            return self;
        }
        let source = match self {
            Self::Core(error) => error,
            other => tumble_core::Error::Model(Box::new(other)),
        };
        tumble_core::Error::Structure { number: index + 1, count, source: Box::new(source) }.into()
    }

    /// Whether the host program has ended the evaluation.
    pub fn is_cancelled(&self) -> bool {
        use tumble_core::Error::{Cancelled, Structure};
        match self {
            Self::Core(Structure { source, .. }) => matches!(**source, Cancelled { .. }),
            _ => matches!(self, Self::Core(Cancelled { .. })),
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
    }
}
