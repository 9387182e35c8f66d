//! Serves simulations through sockets (unsafe code: registering sockets with the poller, the pipe of a signal handler).
//!
//! `tumble serve` is the force server: one model for many simulations, which connect and act as i-PI does
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
