//! ONNX Runtime and model files: finding the [`runtime`]'s library, running sessions, reading and checking a [`file`],
//! and the [`contract`] by which tumble and a model talk: names and shapes of tensors, and metadata.
//!
//! What a model file must be like is told in `docs/model-contract.md`.

pub mod contract;
pub mod file;
pub mod runtime;
