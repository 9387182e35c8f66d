//! Sockets: where peers are, and how bytes get there.

mod address;
mod listener;
mod stream;

pub use address::Address;
pub use listener::Listener;
pub use stream::Stream;
