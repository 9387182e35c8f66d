//! The errors of the C interface.

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
