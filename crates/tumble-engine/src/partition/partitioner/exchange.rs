//! Exchanges of rows between stages: the operators, and what each needs of earlier stages.

use crate::error::PartitionError;
use crate::partition::partitioner::{Graph, NodeInfo};
use crate::raw_model::Node;

/// The operator that prunes edges.
pub(super) const PRUNE: &str = "PruneEdges";

const REVERSE: &str = "ReverseEdges";
const RESTORE: &str = "RestoreEdges";
const NEIGHBOR: &str = "NeighborRows";
const SUM: &str = "SumOverStructure";

/// The input that tells structures apart.
const REPLICA: &str = "replica";

/// An exchange of the rows of `data`, with `result`.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub kind: ExchangeKind,
    pub data: &'a str,
    pub result: &'a str,
    /// Whether `data` has rows of narrow edges.
    pub narrow: bool,
    /// The neighbor of each row of the result, for [`ExchangeKind::Neighbor`].
    pub neighbors: Option<&'a str>,
}

/// The kind of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeKind {
    /// The row of each edge becomes the row of the reversed edge.
    Reverse,
    /// The rows of the structure's edges become those of the narrow ones.
    Prune,
    /// The rows of narrow edges become those of the structure's, zero for the others.
    Restore,
    /// Each edge takes the row of its neighbor, among the rows of centers.
    Neighbor,
    /// Each center takes the sum of the rows of all centers.
    Sum,
}

impl ExchangeKind {
    /// Returns whether rows travel between ranks.
    pub fn is_between_ranks(self) -> bool {
        matches!(self, Self::Reverse | Self::Neighbor | Self::Sum)
    }
}

/// The tensors of the node that prunes edges.
#[derive(Clone, Copy)]
pub(crate) struct Pruning<'a> {
    /// Which edges are kept, bool.
    pub keep: &'a str,
    /// Neighbors of the narrow edges.
    pub neighbors: &'a str,
    /// Mask of the narrow edges.
    pub mask: &'a str,
    /// Reversed edges of the narrow ones; it may order exchanges only.
    pub(super) reverse: &'a str,
}

impl<'a> Pruning<'a> {
    pub(super) fn read(node: &Node<'a>) -> Option<Self> {
        let (&[_, keep, ..], &[_, neighbors, mask, reverse]) = (&*node.inputs, &*node.outputs) else { return None };
        Some(Self { keep, neighbors, mask, reverse })
    }
}

impl<'a> Exchange<'a> {
    /// Returns the tensors of earlier stages that it needs.
    pub fn operands(self) -> impl Iterator<Item = &'a str> {
        [self.data].into_iter().chain(self.neighbors)
    }
}

impl<'a> Graph<'a> {
    /// Returns the exchange that a node is; `from` are the properties of its inputs.
    pub(super) fn exchange(&self, node: &Node, from: &[NodeInfo]) -> Option<ExchangeKind> {
        match (node.operator, from) {
            (PRUNE, [data, ..]) if self.pruning.is_some() && data.geometry => Some(ExchangeKind::Prune),
            (RESTORE, [data, ..]) if data.narrow && self.is_mark(node.inputs.get(1)) => Some(ExchangeKind::Restore),
            (REVERSE, [data, order]) if data.geometry && order.reversed => Some(ExchangeKind::Reverse),
            ("Gather", [data, order]) if node.first_axis && data.geometry && order.reversed => {
                Some(ExchangeKind::Reverse)
            }
            (NEIGHBOR, [_, neighbors, _]) if !neighbors.reversed && self.is_computed(node.inputs[1]) => {
                Some(ExchangeKind::Neighbor)
            }
            (SUM, [_, _]) if node.inputs[1] == REPLICA => Some(ExchangeKind::Sum),
            _ => None,
        }
    }

    /// Returns the first node that the outputs depend on with an operator that only stages can evaluate, but with other
    /// inputs than these.
    pub(super) fn misused(&self) -> Option<PartitionError> {
        let live = self.nodes.iter().zip(&self.file.nodes).filter(|(known, _)| known.live && known.exchange.is_none());
        let (operator, node) =
            live.map(|(_, node)| (node.operator, node)).find(|(name, _)| [NEIGHBOR, SUM].contains(name))?;
        let name = node.inputs.get(1).map_or(String::new(), |&name| name.into());
        Some(match operator {
            NEIGHBOR => PartitionError::NotNeighbors { name },
            _ => PartitionError::NotReplica { name },
        })
    }

    /// Whether this tensor marks the edges to keep.
    fn is_mark(&self, name: Option<&&str>) -> bool {
        self.pruning.is_some_and(|pruning| name == Some(&pruning.keep))
    }

    /// Whether a stage computes this tensor.
    fn is_computed(&self, name: &str) -> bool {
        self.producer.get(name).and_then(|&node| self.nodes.get(node)).is_some_and(|known| known.exchange.is_none())
    }

    /// Returns the inputs of a node; of an exchange, the results of earlier stages among them.
    pub(super) fn needs(&self, index: usize) -> &[&'a str] {
        let inputs = &self.file.nodes[index].inputs;
        match self.nodes[index].exchange {
            Some(ExchangeKind::Prune | ExchangeKind::Neighbor) => &inputs[..2],
            Some(ExchangeKind::Reverse | ExchangeKind::Restore | ExchangeKind::Sum) => &inputs[..1],
            None => inputs,
        }
    }

    /// Returns the exchanges that the model's outputs depend on.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = Exchange<'a>> {
        let live = self.nodes.iter().zip(&self.file.nodes).filter(|(known, _)| known.live);
        live.filter_map(|(known, node)| {
            let kind = known.exchange?;
            let (data, result) = (*node.inputs.first()?, *node.outputs.first()?);
            let neighbors = if kind == ExchangeKind::Neighbor { Some(*node.inputs.get(1)?) } else { None };
            Some(Exchange { kind, data, result, narrow: self.of(data).narrow, neighbors })
        })
    }
}
