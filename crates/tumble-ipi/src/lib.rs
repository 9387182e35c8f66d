//! i-PI's protocol, from the side that computes.
//!
//! It has [`message`]s made of [`wire`] numbers, the text of an [`init`], a
//! [`driver`] that answers them, results beyond the numbers as [`extras`], [`shared`] memory, [`net`] with the sockets, and a
//! [`client`] of the force server.
//!
//! Facts are those of i-PI 3.3 (V. Kapil et al., Comput. Phys. Commun. 236, 214 (2019), and its sources), ASE's
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
