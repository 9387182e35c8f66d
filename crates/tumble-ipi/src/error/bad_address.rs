//! Texts that name no socket.

tumble_core::errors! {
    /// Why a text names no socket, as the rest of a sentence that begins with it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum BadAddress {
        /// Neither kind of socket.
        #[error("is neither unix:PATH nor tcp:HOST:PORT")]
        Kind,

        /// A file whose path the system does not take.
        #[error(
            "is longer than the 107 bytes that the system allows for the path of a socket: give a shorter one, or one \
             that begins at the current folder"
        )]
        TooLong,

        /// A host without a port.
        #[error("has no port: write HOST:PORT")]
        NoPort,

        /// A port that is none.
        #[error("has a port that is no number from 0 to 65535")]
        Port,

        /// A port without a host.
        #[error("has no host: write HOST:PORT, as in localhost:31415")]
        NoHost,
    }
}
