//! What can go wrong with serving.

mod refusal;

pub use refusal::Refusal;

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

        /// An error of a connection.
        #[error(transparent)]
        Ipi(#[from] tumble_ipi::Error),

        /// A place to listen that cannot be had.
        ///
        /// Cause: Another process has the address, the folder of the socket is missing, or the address is not this
        /// machine's.
        ///
        /// Cure: Take another address, or end the other process.
        #[error("cannot listen on {address}: {source}")]
        Listen {
            /// The place.
            address: String,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A peer that does not keep to the protocol.
        ///
        /// Cause: The other side does not keep to i-PI's protocol, or has another structure.
        ///
        /// Cure: Look up the rest of the sentence under messages below.
        #[error("{peer} {fault}")]
        Peer {
            /// The other side.
            peer: String,
            /// What is wrong, as the rest of a sentence.
            fault: String,
        },

        /// A request that was refused, with the reason that its sender was told.
        ///
        /// Cause: The structure that was sent cannot be evaluated; the reason is at the end, and the other side was
        /// told the same.
        ///
        /// Cure: Look up that reason on this page.
        #[error("a request of {peer} was refused: {sentence}")]
        Unanswered {
            /// The other side.
            peer: String,
            /// Why, as a sentence or, for a breach of protocol, the rest of one.
            sentence: String,
        },

        /// More work than a server does for one message.
        ///
        /// Cause: Edges times rotations, or structures times rotations, of one message are more than the server allows.
        ///
        /// Cure: Ask for fewer rotations, or send fewer structures in a message; or start the server with a larger
        /// `--max-work`.
        #[error(
            "{structures} structure(s) with {edges} edges at {rotations} rotations are {work:.1e} edges to compute, \
             more than the {most:.1e} that one message may ask for: give fewer rotations or fewer atoms"
        )]
        TooMuchWork {
            /// Structures of the message.
            structures: usize,
            /// Edges of all structures.
            edges: usize,
            /// Evaluations of each structure.
            rotations: usize,
            /// Their product, as it is counted.
            work: f64,
            /// The most.
            most: f64,
        },
    }
}
