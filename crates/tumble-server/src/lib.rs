//! The force server: one model for many simulations, which connect and play i-PI's part (`docs/server.md`); [`client`]
//! is what they need for that.

mod guesses;
pub mod ipi_client;
pub mod scheduler;
mod serve;
mod session_request;
mod statistics;

pub use serve::{Options, Report, serve};
pub use session_request::Terms;
pub use statistics::Statistics;
