//! The force server: one model for many simulations, which connect and play i-PI's part (`docs/server.md`); [`client`]
//! is what they need for that.

pub mod client;
mod guesses;
mod request;
mod serve;
mod statistics;

pub use request::Terms;
pub use serve::{Options, Report, serve};
pub use statistics::Statistics;
