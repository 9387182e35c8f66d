//! ONNX Runtime and model files (unsafe: the dynamic loader, ONNX Runtime's C interface, mapped
//! files).
//! - [`runtime`] finds and loads the library, and opens sessions.
//! - [`file`](mod@file) reads and checks model files.
//! - [`contract`] is the interface between tumble and a model: metadata, names and shapes of tensors
//!   (`docs/model-contract.md`).

pub mod contract;
pub mod error;
pub mod file;
pub mod fusion;
pub mod runtime;

pub use error::{Error, Result};
