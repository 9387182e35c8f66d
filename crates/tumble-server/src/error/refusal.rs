//! Why a connection is refused.

use std::io;

use tumble_ipi::message::Fault;

tumble_core::errors! {
    /// Why a connection is refused, as the sentence that its peer is told.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Refusal {
        /// A breach of the protocol.
        #[error("the peer {0}")]
        Fault(#[from] Fault),

        /// Segments that are not there, or too small.
        #[error("cannot use the shared memory that was named ({source}): run both sides on one machine")]
        Segments {
            /// The system's reason.
            source: io::Error,
        },

        /// Segments that cannot be written to.
        #[error("cannot write the results to shared memory: {source}")]
        Results {
            /// The system's reason.
            source: io::Error,
        },
    }
}
