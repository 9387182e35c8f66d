//! ONNX Runtime: its [`library`] is searched for and loaded once, and [`session`]s of models run in it.

pub mod dylib;
pub mod fork;
pub mod installation;
pub mod library;
mod library_search;
pub mod session;
pub mod terminate;
