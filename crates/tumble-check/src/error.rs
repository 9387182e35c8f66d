//! The errors of a measurement.

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error, displayed as one sentence with its remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or the evaluation of a model.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// Interrupted by a signal.
        ///
        /// Cause: Ctrl-C or SIGTERM arrived before the first result.
        ///
        /// Cure: Nothing is wrong; start the command again to get a result.
        #[error("interrupted")]
        Interrupted,
    }
}
