//! The rows that ranks send each other in one evaluation, for estimates of the cost.

use crate::partition::partitioner::ExchangeKind;
use crate::partition::{Exchange, PartitionedModel};

/// A tensor whose rows ranks exchange before a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankMessage {
    /// The stage.
    pub stage: usize,
    /// The owners of the rows.
    pub rows: BorderRows,
    /// Numbers per row, in the model's precision.
    pub numbers: usize,
}

/// The owners of exchanged rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BorderRows {
    /// One row per edge to an atom of another rank.
    Edges,
    /// One row per kept edge to an atom of another rank, in a model that prunes edges.
    KeptEdges,
    /// One row per center with an edge to an atom of the partner.
    Centers,
    /// One row in all: a sum over all ranks.
    Sum,
}

impl BorderRows {
    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edges => "edges",
            Self::KeptEdges => "kept edges",
            Self::Centers => "centers",
            Self::Sum => "sum",
        }
    }
}

impl PartitionedModel {
    /// Returns the tensors that ranks exchange, in their order; each tensor once.
    pub fn rank_messages(&self) -> Vec<RankMessage> {
        let sent = self.stages.iter().enumerate().flat_map(|(stage, one)| one.sent().map(move |sent| (stage, sent)));
        let message = |(stage, exchange): (usize, &Exchange)| {
            let rows = match (exchange.kind, exchange.narrow) {
                (ExchangeKind::Neighbor, _) => BorderRows::Centers,
                (ExchangeKind::Sum, _) => BorderRows::Sum,
                (_, false) => BorderRows::Edges,
                (_, true) => BorderRows::KeptEdges,
            };
            RankMessage { stage, rows, numbers: exchange.width.get().copied().unwrap_or(0) }
        };
        sent.map(message).collect()
    }
}
