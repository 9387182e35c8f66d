//! Invalid addresses.

tumble_core::errors! {
    /// The reason why a text is not an address, as the rest of a sentence that begins with it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum BadAddress {
        /// Neither kind of socket.
        #[error("is neither unix:PATH nor tcp:HOST:PORT")]
        Kind,

        /// A path longer than the system's limit.
        #[error(
            "is longer than 107 bytes, the system's limit for the path of a socket: give a shorter path, for instance \
             relative to the current folder"
        )]
        TooLong,

        /// A host without a port.
        #[error("has no port: write HOST:PORT")]
        NoPort,

        /// A port that is not a number, or out of range.
        #[error("has a port that is not a number from 0 to 65535")]
        Port,

        /// A port without a host.
        #[error("has no host: write HOST:PORT, as in localhost:31415")]
        NoHost,
    }
}
