//! What can go wrong with a measurement.

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// Asked to end before the end.
        ///
        /// Cause: Ctrl-C or SIGTERM came before anything was measured.
        ///
        /// Cure: Nothing is wrong; start it again to get a result.
        #[error("interrupted")]
        Interrupted,
    }
}
