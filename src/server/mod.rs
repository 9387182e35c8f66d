//! The force server: simulations send structures over a socket and get energy, forces and virial back.
//!
//! They speak i-PI's protocol ([`crate::ipi`]) and play i-PI's part in it; [`client`] is what they need for that.

pub mod client;
