//! ONNX Runtime: the [`library`], found and loaded once per process, and [`session`]s of models.

pub mod dylib;
pub mod fork;
pub mod installation;
pub mod library;
mod library_search;
pub mod session;
mod session_weights;
pub mod terminate;
