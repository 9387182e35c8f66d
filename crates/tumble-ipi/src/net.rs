//! Sockets: addresses, listeners and streams for files and ports.

mod address;
mod listener;
mod stream;

pub use address::Address;
pub use listener::Listener;
pub use stream::Stream;
