//! The errors that C is told.

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of an argument, a structure, settings or a model's evaluation.
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
