//! ONNX Runtime and model files (unsafe: the dynamic loader, ONNX Runtime's C interface).
//!
//! The [`runtime`]'s library is found and its sessions are run; a [`file`](mod@file) is read and checked; the
//! [`contract`] is how tumble and a model talk: names and shapes of tensors, and metadata.
//!
//! What a model file must be like is told in `docs/model-contract.md`.

pub mod contract;
pub mod error;
pub mod file;
pub mod runtime;

pub use error::{Error, Result};
