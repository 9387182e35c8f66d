//! The contract between a model and tumble: [`metadata`], the [`signature`] of inputs and outputs, [`packing`] of
//! graphs into input tensors, and [`unpacking`] of output tensors.

mod declared_output;
mod json;
pub mod metadata;
pub mod packing;
pub mod signature;
pub mod unpacking;
