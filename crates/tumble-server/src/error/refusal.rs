//! Reasons to refuse a connection.

use std::io;

use tumble_ipi::message::Fault;

tumble_core::errors! {
    /// The reason to refuse a connection, sent to the peer as a sentence.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Refusal {
        /// A breach of the protocol.
        ///
        /// Example: the peer sent POSDATA before INIT
        #[error("the peer {0}")]
        Fault(#[from] Fault),

        /// Missing or too small segments of shared memory.
        #[error("cannot use the shared memory ({source}): run both sides on one machine")]
        Segments {
            /// The system's reason.
            source: io::Error,
        },

        /// Segments of shared memory that are not writable.
        #[error("cannot write the results to shared memory: {source}")]
        Results {
            /// The system's reason.
            source: io::Error,
        },
    }
}
