//! The operators that exchange rows: the version of the contract that has them, the marks that belong together, and sums
//! over structures.

use crate::error::ContractViolation;
use crate::file::proto::{Fields, field, fields, text, utf8};

/// The operator that drops edges, and its transpose.
const PRUNE: &str = "PruneEdges";
const RESTORE: &str = "RestoreEdges";

/// The operators that give each edge the row of its neighbor, and each center the sum of its structure.
const NEIGHBOR: &str = "NeighborRows";
const SUM: &str = "SumOverStructure";

/// The first version of the contract with these operators.
const FIRST_VERSION: u32 = 2;

/// The input that tells structures apart, the second one of sums.
const REPLICA: &str = "replica";

/// Returns the first violation by the graph of a scanned file with this `version` and `whole` in its metadata. Functions
/// of the file are not read: exporters write these operators into the graph.
pub(crate) fn violation(bytes: &[u8], version: u32, whole: bool) -> Option<ContractViolation> {
    let nodes: Vec<_> = nodes(bytes).collect();
    let first = nodes.first()?;
    if version < FIRST_VERSION {
        return Some(ContractViolation::ExchangeVersion { operator: first.operator, version, first: FIRST_VERSION });
    }
    if !whole && nodes.iter().any(|node| node.operator == SUM) {
        return Some(ContractViolation::SumNotWhole);
    }
    if let Some(sum) = nodes.iter().find(|node| node.operator == SUM && node.second != REPLICA) {
        return Some(ContractViolation::SumNotReplica { found: sum.second.into() });
    }
    let chosen: Vec<_> = nodes.iter().filter(|node| node.operator == PRUNE).map(|node| node.second).collect();
    let other = nodes.iter().find(|node| node.operator == RESTORE && !chosen.contains(&node.second))?;
    Some(ContractViolation::RestoredMarks { marks: other.second.into() })
}

/// A node with one of these operators, and its second input.
struct Node<'a> {
    operator: &'static str,
    second: &'a str,
}

/// Returns the nodes of the graph that have one of these operators. The file has been scanned, so its fields can be
/// read.
fn nodes(bytes: &[u8]) -> impl Iterator<Item = Node<'_>> {
    let graphs = Fields(bytes).flatten().filter(|one| one.number == field::MODEL_GRAPH);
    let nodes = graphs.flat_map(|graph| Fields(graph.value)).flatten().filter(|one| one.number == field::GRAPH_NODE);
    nodes.filter_map(|node| read(node.value))
}

fn read(node: &[u8]) -> Option<Node<'_>> {
    let name = text(node, field::NODE_OP_TYPE).ok()?;
    let operator = [PRUNE, RESTORE, NEIGHBOR, SUM].into_iter().find(|operator| *operator == name)?;
    if text(node, field::NODE_DOMAIN).ok()? != tumble_ops::DOMAIN {
        return None;
    }
    let inputs = fields(node).ok()?.into_iter().filter(|(number, _)| *number == field::NODE_INPUT);
    let second = inputs.map(|(_, name)| name).nth(1).map_or(Ok(""), utf8).ok()?;
    Some(Node { operator, second })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::proto::message;

    fn node(operator: &str, inputs: &[&str]) -> Vec<u8> {
        let inputs = inputs.iter().flat_map(|name| message(field::NODE_INPUT, name.as_bytes()));
        let operator = message(field::NODE_OP_TYPE, operator.as_bytes());
        let domain = message(field::NODE_DOMAIN, tumble_ops::DOMAIN.as_bytes());
        message(field::GRAPH_NODE, &inputs.chain(operator).chain(domain).collect::<Vec<_>>())
    }

    fn found(nodes: &[Vec<u8>], version: u32) -> Option<String> {
        violation(&message(field::MODEL_GRAPH, &nodes.concat()), version, false).map(|violation| violation.to_string())
    }

    #[test]
    fn pruning_and_rows_of_neighbors_need_the_second_version() {
        let prune = node("PruneEdges", &["rows", "keep", "neighbors", "reverse"]);
        for (name, made) in [("PruneEdges", prune), ("NeighborRows", node("NeighborRows", &["rows", "n", "c"]))] {
            let (nodes, other) = ([node("Relu", &["a"]), made], [node("Relu", &["a"])]);
            let expected = format!(
                "its operator {name} needs version 2 of the contract, but `version` is 1 in its metadata: export it anew"
            );
            assert_eq!(found(&nodes, 1).unwrap(), expected);
            assert_eq!((found(&nodes, 2), found(&other, 1)), (None, None));
        }
    }

    #[test]
    fn sums_over_the_structure_belong_to_energies_of_the_whole() {
        let bytes = message(field::MODEL_GRAPH, &node("SumOverStructure", &["rows", "replica"]));
        assert_eq!(
            violation(&bytes, 2, false).unwrap().to_string(),
            "its operator SumOverStructure adds all atoms, but its metadata does not say that its energy belongs to the \
             whole structure: set `whole` to true"
        );
        assert!(violation(&bytes, 2, true).is_none());
        let bytes = message(field::MODEL_GRAPH, &node("SumOverStructure", &["rows", "zeros"]));
        assert_eq!(
            violation(&bytes, 2, true).unwrap().to_string(),
            "its operator SumOverStructure has the tensor `zeros` where the input `replica` was expected, so it would add \
             atoms of several structures: give it `replica`"
        );
    }

    #[test]
    fn edges_are_restored_by_the_marks_that_dropped_them() {
        let prune = node("PruneEdges", &["rows", "keep", "neighbors", "reverse"]);
        let restore = |marks| node("RestoreEdges", &["narrow", marks, "reverse"]);
        assert_eq!(found(&[prune.clone(), restore("keep")], 2), None);
        assert_eq!(
            found(&[prune, restore("keep"), restore("mask")], 2).unwrap(),
            "its RestoreEdges has the marks `mask`, but no PruneEdges has them: give it the `keep` of the PruneEdges"
        );
        assert!(found(&[restore("keep")], 2).is_some());
    }
}
