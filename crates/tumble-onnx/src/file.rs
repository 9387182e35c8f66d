//! Model files: [`model_file`] reads and checks one. The protobuf ([`proto`]), the weights ([`initializers`]), those in
//! other files ([`external_data`]), the [`hash`] and the [`checksum`] are read without ONNX Runtime.

pub mod checksum;
mod exchanges;
pub mod external_data;
mod format;
pub mod functions;
pub mod fused;
pub mod hash;
pub mod initializers;
mod mapped_file;
pub mod model_file;
pub(crate) mod node;
pub mod not_finite;
pub mod products;
pub mod proto;
pub mod scan;
