//! Errors of serving.

mod refusal;

pub use refusal::Refusal;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error of the server or the i-PI client: one sentence, with a remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// An error of a connection.
        #[error(transparent)]
        Ipi(#[from] tumble_ipi::Error),

        /// An address that the server cannot listen on.
        ///
        /// Cause: Another process uses the address, the folder of the socket is missing, or the address belongs to
        /// another machine.
        ///
        /// Cure: Take another address, or end the other process.
        #[error("cannot listen on {address}: {source}")]
        Listen {
            /// The address.
            address: String,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A peer that breaks the protocol.
        ///
        /// Cause: The other side does not speak i-PI's protocol, or has another structure.
        ///
        /// Cure: Look up the rest of the sentence under messages of the peer below.
        ///
        /// Example: unix:/tmp/water sent 8 atoms where 3 were expected: give the same structure on both sides, and
        /// shared memory to both or neither
        #[error("{peer} {fault}")]
        Peer {
            /// The other side.
            peer: String,
            /// The fault, as the rest of the sentence.
            fault: String,
        },

        /// A refused request, with the reason sent to the peer.
        ///
        /// Cause: The structure cannot be evaluated; the reason is at the end, and was sent to the other side too.
        ///
        /// Cure: Look up the reason on this page.
        #[error("a request of {peer} was refused: {sentence}")]
        Unanswered {
            /// The other side.
            peer: String,
            /// The reason: a sentence or, for a breach of protocol, the rest of one.
            sentence: String,
        },

        /// More work than a server does per message.
        ///
        /// Cause: Edges times rotations, or structures times rotations, of one message exceed the server's limit.
        ///
        /// Cure: Use fewer rotations, or send fewer structures per message; or start the server with a larger
        /// `--max-work`.
        #[error(
            "{structures} structure(s) with {edges} edges and {rotations} rotations give {work:.1e} edges to compute, \
             above the limit of {most:.1e} per message: give fewer rotations or fewer atoms"
        )]
        TooMuchWork {
            /// Structures of the message.
            structures: usize,
            /// Edges of all structures.
            edges: usize,
            /// Evaluations of each structure.
            rotations: usize,
            /// Counted work: edges times rotations.
            work: f64,
            /// The limit.
            most: f64,
        },
    }
}
