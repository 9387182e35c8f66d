//! Model files as bytes: [`model_file`] reads and checks one. It goes through its protobuf ([`proto`]) without ONNX
//! Runtime, with weights that lie in other files ([`external_data`]), its [`hash`] and its [`checksum`].

pub mod checksum;
pub mod external_data;
mod format;
pub mod functions;
pub mod fused;
pub mod hash;
pub mod model_file;
pub mod proto;
pub mod scan;
