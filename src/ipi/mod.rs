//! i-PI's protocol.

pub mod init;
pub mod message;
pub mod wire;
