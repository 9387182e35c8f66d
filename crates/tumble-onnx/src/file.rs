//! Model files as bytes: [`model_file`] reads and checks one. It goes through its protobuf ([`proto`]) without ONNX
//! Runtime, with weights that lie in other files ([`external`]), its [`hash`] and its [`checksum`].

pub mod checksum;
pub mod external;
mod format;
pub mod functions;
pub mod fused;
pub mod hash;
pub mod model_file;
pub mod proto;
pub mod scan;
