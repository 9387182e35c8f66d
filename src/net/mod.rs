//! Sockets: where peers are, and how bytes get there.

mod address;
mod stream;

pub use address::Address;
pub use stream::{Listener, Stream};
