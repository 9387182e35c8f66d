//! Errors of connections.

mod bad_address;

pub use bad_address::BadAddress;

pub use crate::init::InitError;
pub use crate::message::Fault;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error of a connection: one sentence, with a remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// A text that is not an address.
        ///
        /// Cause: The value of `--listen` or `--tcp`, or a client's address, is not an address.
        ///
        /// Cure: Write `unix:PATH` or `tcp:HOST:PORT`; after `--tcp` only `HOST:PORT`.
        ///
        /// Example: the address "water" is neither unix:PATH nor tcp:HOST:PORT
        #[error("the address \"{address}\" {problem}")]
        Address {
            /// The text.
            address: String,
            /// The problem, as the rest of the sentence.
            #[source]
            problem: BadAddress,
        },

        /// A server that cannot be reached.
        ///
        /// Cause: No server listens there, a dead program has left its socket behind, or the socket belongs to another
        /// user.
        ///
        /// Cure: Start the other side, compare path or port with its own, and run both as the same user.
        #[error("cannot connect to {address}: {source}: is the server running there?")]
        Connect {
            /// The server's address.
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
            #[source]
            fault: Fault,
        },

        /// A refusal by the force server, in its own words.
        ///
        /// Cause: The server cannot or may not run this simulation with these options.
        ///
        /// Cure: Follow the server's sentence; they are listed in docs/server.md#errors.
        #[error("the force server refused: {sentence}")]
        Refused {
            /// The server's sentence.
            sentence: String,
        },
    }
}
