//! Simulations served through sockets (unsafe: sockets lent to the poller, a signal handler's pipe).
//!
//! `tumble serve` is the force server: one model for many simulations, which connect and play i-PI's part
//! (`docs/server.md`). `tumble ipi` connects to i-PI instead ([`ipi_client`]). Both use one [`scheduler`].

pub mod error;
pub mod ipi_client;
mod login_throttle;
pub mod scheduler;
mod serve;
mod session_request;
mod statistics;

pub use error::{Error, Result};
pub use serve::{Options, Report, serve};
pub use session_request::SessionLimits;
pub use statistics::Statistics;
