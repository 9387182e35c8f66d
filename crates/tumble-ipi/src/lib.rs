//! i-PI's protocol, for the side that computes.
//!
//! Messages: [`message`] (bytes to values and back), [`wire`] (units and byte order), [`init`] (the text of an `INIT`),
//! [`extras`]. Connections: [`driver`] (the state machine that answers), [`shared`] memory, [`net`] (sockets), and the
//! [`client`] of the force server.
//!
//! The protocol is that of i-PI 3.3 (V. Kapil et al., Comput. Phys. Commun. 236, 214 (2019), and its sources); ASE's
//! `SocketIOCalculator` speaks the same.

#![forbid(unsafe_code)]

pub mod client;
pub mod driver;
pub mod error;
pub mod extras;
pub mod init;
pub mod message;
pub mod net;
pub mod options;
pub mod shared;
pub mod wire;

pub use error::{Error, Result};
