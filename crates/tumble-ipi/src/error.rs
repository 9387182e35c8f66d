//! What can go wrong with a connection.

mod bad_address;

pub use bad_address::BadAddress;

pub use crate::init::InitError;
pub use crate::message::Fault;

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

        /// A text that names no socket.
        ///
        /// Cause: `--listen`, `--tcp` or the address of a client is not written as an address.
        ///
        /// Cure: Write `unix:PATH` or `tcp:HOST:PORT`; after `--tcp` only `HOST:PORT`.
        #[error("the address \"{address}\" {problem}")]
        Address {
            /// The text.
            address: String,
            /// What is wrong with it, as the rest of a sentence.
            #[source]
            problem: BadAddress,
        },

        /// A server that cannot be reached.
        ///
        /// Cause: Nobody listens there, a socket was left behind by a program that died, or it belongs to another user.
        ///
        /// Cure: Start the other side, compare path or port with its own, and run both as the same user.
        #[error("cannot connect to {address}: {source}: is the server running there?")]
        Connect {
            /// Where it was looked for.
            address: String,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A connection that broke.
        ///
        /// Cause: The other side died, or the network failed.
        ///
        /// Cure: Look into the other side's log; `tumble ipi --reconnect` waits for the next server.
        #[error("the connection to {peer} broke: {source}")]
        Connection {
            /// The other side.
            peer: String,
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
            #[source]
            fault: Fault,
        },

        /// A force server that refuses, in its own words.
        ///
        /// Cause: The server does not take this simulation as it asks to be served.
        ///
        /// Cure: As the server says; its sentences are in docs/server.md#errors.
        #[error("the force server refused: {sentence}")]
        Refused {
            /// What it said.
            sentence: String,
        },
    }
}
