//! Fusion: nodes that act on each row of their tensors by itself become programs of rows
//! ([`row_program`](tumble_ops::row_program)), one for all nodes that can run together.
//!
//! Whether tensors have the same rows follows from the shapes of the whole graph, with symbols for lengths that differ
//! from run to run ([`Shapes`]). Nodes of unknown shapes stay as they are.

mod builder;
mod dimension;
mod graph;
mod groups;
mod infer;
mod shapes;
mod translate;

pub use self::shapes::Shapes;

use self::graph::Graph;
use self::groups::Groups;
use crate::error::Malformed;
use crate::file::products::with_graph;

/// Returns the bytes of a model, or of a stage of it, with its rowwise nodes in programs.
///
/// # Errors
/// [`Malformed`].
pub fn with_row_programs(bytes: &[u8], shapes: &Shapes) -> Result<Vec<u8>, Malformed> {
    with_graph(bytes, |graph| Ok(Groups::find(&Graph::read(graph)?, shapes).written()))
}

#[cfg(test)]
mod tests;
