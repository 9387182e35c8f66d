//! What a model and tumble tell each other: [`metadata`], the [`signature`] of inputs and outputs, and how graphs are
//! packed into tensors ([`packing`]) and answers are unpacked from them ([`unpacking`]).

mod json;
pub mod metadata;
pub mod packing;
pub mod signature;
pub mod unpacking;
