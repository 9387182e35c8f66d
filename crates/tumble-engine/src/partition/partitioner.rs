//! Partitioning of a model's graph at its layers of message passing.
//!
//! All of a model but the exchange of rows acts on each center separately. `ReverseEdges`, or in older files a Gather,
//! puts the rows of a tensor into the order of the reversed edges: forward for the messages, backward for their
//! gradients. `PruneEdges` leads from the edges of the structure to the narrow ones, `RestoreEdges` back. The stage of a
//! node is the number of successive exchanges that it depends on. The tensors that a stage needs of an earlier one are
//! kept or recomputed.

use std::collections::{BTreeSet, HashMap, HashSet};

use tumble_core::planner::RecomputeLevel;

use crate::error::PartitionError;
use crate::partition::raw_model::{File, Node};

/// Operators that exchange rows.
const REVERSE: &str = "ReverseEdges";
const PRUNE: &str = "PruneEdges";
const RESTORE: &str = "RestoreEdges";

/// Inputs that exist for a part of the centers.
const LOCAL: [&str; 5] = ["edge_vectors", "neighbors", "mask", "species", "weights"];

/// Most stages: the work of partitioning grows with their square, and models have about two per layer.
const MOST_STAGES: usize = 100;

/// A model's graph, partitioned into stages.
pub(crate) struct GraphPartition<'a> {
    /// The subgraphs, one per stage.
    pub subgraphs: Vec<Subgraph<'a>>,
    /// The exchanges between the stages.
    pub exchanges: Vec<Exchange<'a>>,
    /// The pruning of edges, in a model that has it.
    pub pruning: Option<Pruning<'a>>,
}

/// The nodes of one stage.
pub(crate) struct Subgraph<'a> {
    /// Indices of the nodes, in the order of the file.
    pub nodes: Vec<usize>,
    /// Inputs of the model, kept tensors of earlier stages, and results of exchanges.
    pub inputs: Vec<&'a str>,
    /// Tensors that later stages need, and outputs of the model.
    pub outputs: Vec<&'a str>,
}

/// An exchange of the rows of `data`, with `result`.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub kind: ExchangeKind,
    pub data: &'a str,
    pub result: &'a str,
    /// Whether `data` has rows of narrow edges.
    pub narrow: bool,
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
    reverse: &'a str,
}

impl<'a> Pruning<'a> {
    fn read(node: &Node<'a>) -> Option<Self> {
        let (&[_, keep, ..], &[_, neighbors, mask, reverse]) = (&*node.inputs, &*node.outputs) else { return None };
        Some(Self { keep, neighbors, mask, reverse })
    }
}

/// Partitions a graph into stages. Tensors of an earlier stage are kept if that saves at least `level.matmuls()` matrix
/// products per kept tensor, and recomputed otherwise.
pub(crate) fn cut<'a>(file: &'a File<'a>, level: RecomputeLevel) -> Result<GraphPartition<'a>, PartitionError> {
    let graph = Graph::new(file)?;
    let stages = graph.nodes.iter().map(|node| node.stage + 1).max().unwrap_or(0);
    if stages > MOST_STAGES {
        return Err(PartitionError::Stages { found: stages, most: MOST_STAGES });
    }
    let mut kept = HashSet::new();
    let members: Vec<_> = (0..stages).map(|stage| graph.members(stage, level, &mut kept)).collect();
    let subgraphs = members.iter().enumerate().map(|(stage, members)| graph.subgraph(stage, members, &kept));
    let (subgraphs, exchanges) = (subgraphs.collect::<Result<_, _>>()?, graph.exchanges().collect());
    Ok(GraphPartition { subgraphs, exchanges, pruning: graph.pruning })
}

/// Properties of a node.
#[derive(Clone, Default)]
struct NodeInfo {
    stage: usize,
    /// Whether it depends on `reverse`.
    reversed: bool,
    /// Whether it depends on `edge_vectors`.
    geometry: bool,
    /// Whether it depends on a matrix product.
    product: bool,
    /// Whether it works on narrow edges.
    narrow: bool,
    /// The exchange of rows that it is.
    exchange: Option<ExchangeKind>,
    /// Whether the model's outputs depend on it, other than by the order of an exchange.
    live: bool,
}

struct Graph<'a> {
    file: &'a File<'a>,
    /// The node that computes each tensor.
    producer: HashMap<&'a str, usize>,
    nodes: Vec<NodeInfo>,
    pruning: Option<Pruning<'a>>,
}

impl<'a> Graph<'a> {
    fn new(file: &'a File<'a>) -> Result<Self, PartitionError> {
        let made =
            |(index, node): (usize, &Node<'a>)| node.outputs.iter().map(move |&name| (name, index)).collect::<Vec<_>>();
        let producer = file.nodes.iter().enumerate().flat_map(made).collect();
        let mut prunings = file.nodes.iter().filter(|node| node.operator == PRUNE);
        let pruning = prunings.next().and_then(Pruning::read);
        if prunings.next().is_some() {
            return Err(PartitionError::Prunings);
        }
        let mut graph = Self { file, producer, nodes: Vec::new(), pruning };
        for node in &file.nodes {
            let known = graph.know(node);
            graph.nodes.push(known);
        }
        graph.mark_live();
        if let Some(name) = graph.pruning.map(|pruning| pruning.keep).filter(|name| !graph.producer.contains_key(name))
        {
            return Err(PartitionError::NoStage { name: name.into() });
        }
        if let Some(name) = file.outputs.iter().find(|name| graph.of(name).exchange.is_some()) {
            return Err(PartitionError::ExchangedOutput { name: (*name).into() });
        }
        let nested = |index: &usize| graph.nodes[*index].live && file.nodes[*index].nested;
        match (0..file.nodes.len()).find(nested) {
            Some(index) => Err(PartitionError::Nested { operator: file.nodes[index].operator.into() }),
            None => Ok(graph),
        }
    }

    /// Returns the properties of a tensor's producer, or of an input.
    fn of(&self, name: &str) -> NodeInfo {
        let layout = self.pruning.filter(|pruning| [pruning.neighbors, pruning.mask, pruning.reverse].contains(&name));
        match self.producer.get(name).and_then(|&node| self.nodes.get(node)) {
            Some(known) => match layout {
                Some(Pruning { reverse, .. }) => {
                    NodeInfo { reversed: name == reverse, geometry: false, ..known.clone() }
                }
                None => known.clone(),
            },
            None => NodeInfo { reversed: name == "reverse", geometry: name == "edge_vectors", ..NodeInfo::default() },
        }
    }

    fn know(&self, node: &Node) -> NodeInfo {
        let from: Vec<_> = node.inputs.iter().map(|name| self.of(name)).collect();
        let exchange = match (node.operator, &from[..]) {
            (PRUNE, [data, ..]) if self.pruning.is_some() && data.geometry => Some(ExchangeKind::Prune),
            (RESTORE, [data, ..]) if data.narrow && self.is_mark(node.inputs.get(1)) => Some(ExchangeKind::Restore),
            (REVERSE, [data, order]) if data.geometry && order.reversed => Some(ExchangeKind::Reverse),
            ("Gather", [data, order]) if node.first_axis && data.geometry && order.reversed => {
                Some(ExchangeKind::Reverse)
            }
            _ => None,
        };
        let narrow = from.iter().any(|known| known.narrow) || exchange == Some(ExchangeKind::Prune);
        NodeInfo {
            stage: from.iter().map(|known| known.stage).max().unwrap_or(0) + usize::from(exchange.is_some()),
            reversed: from.iter().any(|known| known.reversed) && exchange.is_none(),
            geometry: from.iter().any(|known| known.geometry),
            product: from.iter().any(|known| known.product) || is_matmul(node),
            narrow: narrow && exchange != Some(ExchangeKind::Restore),
            exchange,
            live: false,
        }
    }

    /// Whether this tensor marks the edges to keep.
    fn is_mark(&self, name: Option<&&str>) -> bool {
        self.pruning.is_some_and(|pruning| name == Some(&pruning.keep))
    }

    fn mark_live(&mut self) {
        for index in self.needed_for(&self.file.outputs, |name| self.producer.get(name).copied()) {
            self.nodes[index].live = true;
        }
    }

    /// Returns the inputs of a node; of an exchange, without the order.
    fn needs(&self, index: usize) -> &[&'a str] {
        let inputs = &self.file.nodes[index].inputs;
        match self.nodes[index].exchange {
            Some(ExchangeKind::Prune) => &inputs[..2],
            Some(ExchangeKind::Reverse | ExchangeKind::Restore) => &inputs[..1],
            None => inputs,
        }
    }

    fn exchanges(&self) -> impl Iterator<Item = Exchange<'a>> {
        let live = self.nodes.iter().zip(&self.file.nodes).filter(|(known, _)| known.live);
        live.filter_map(|(known, node)| {
            let kind = known.exchange?;
            let (data, result) = (*node.inputs.first()?, *node.outputs.first()?);
            Some(Exchange { kind, data, result, narrow: self.of(data).narrow })
        })
    }

    /// Whether a tensor belongs to the edges of the structure, in a model that prunes them. It is small beside those of
    /// the narrow edges.
    fn is_beside_narrow(&self, name: &str) -> bool {
        let NodeInfo { geometry, narrow, .. } = self.of(name);
        self.pruning.is_some() && geometry && !narrow
    }

    /// Returns the nodes of a stage and the recomputed nodes of earlier stages; adds the tensors to be kept to `kept`.
    fn members(&self, stage: usize, level: RecomputeLevel, kept: &mut HashSet<&'a str>) -> BTreeSet<usize> {
        let own = |&index: &usize| {
            self.nodes[index].live && self.nodes[index].exchange.is_none() && self.nodes[index].stage == stage
        };
        let mut members: BTreeSet<_> = (0..self.nodes.len()).filter(own).collect();
        for earlier in (0..stage).rev() {
            let needed = |name: &&str, kept: &HashSet<&str>| self.made_in(name, earlier, kept).is_some();
            let names = || members.iter().flat_map(|&index| &self.file.nodes[index].inputs).copied();
            let small: Vec<_> = names().filter(|name| needed(name, kept) && self.is_beside_narrow(name)).collect();
            kept.extend(small);
            let needed: Vec<_> = names().filter(|name| needed(name, kept)).collect();
            let again = self.needed_for(&needed, |name| self.made_in(name, earlier, kept));
            let costly: HashSet<_> = needed.iter().copied().filter(|name| self.of(name).product).collect();
            let matmuls = again.iter().filter(|&&index| is_matmul(&self.file.nodes[index])).count();
            if level.matmuls() * costly.len() <= matmuls {
                kept.extend(costly);
            }
            members.extend(self.needed_for(&needed, |name| self.made_in(name, earlier, kept)));
        }
        members
    }

    /// Returns the producer of a tensor if it is in this stage and the tensor is not kept.
    fn made_in(&self, name: &str, stage: usize, kept: &HashSet<&str>) -> Option<usize> {
        let index = self.producer.get(name).copied().filter(|_| !kept.contains(name))?;
        (self.nodes[index].stage == stage && self.nodes[index].exchange.is_none()).then_some(index)
    }

    /// Returns the subgraph of a stage: the members needed for its outputs.
    fn subgraph(
        &self,
        stage: usize,
        members: &BTreeSet<usize>,
        kept: &HashSet<&'a str>,
    ) -> Result<Subgraph<'a>, PartitionError> {
        let keep = self.pruning.map(|pruning| pruning.keep);
        let exchanged: HashSet<_> = self.exchanges().map(|exchange| exchange.data).chain(keep).collect();
        let given = |name: &&str| kept.contains(name) || exchanged.contains(name) || self.file.outputs.contains(name);
        let own = members.iter().filter(|&&index| self.nodes[index].stage == stage);
        let names = own.flat_map(|&index| &self.file.nodes[index].outputs).copied();
        let outputs: Vec<_> = names.filter(given).collect();
        // A kept tensor is not recomputed, even if only a later stage made it kept.
        let here = |name: &str| {
            let producer = self.producer.get(name).copied().filter(|index| members.contains(index))?;
            (self.nodes[producer].stage == stage || !kept.contains(name)).then_some(producer)
        };
        let nodes = self.needed_for(&outputs, here);
        let inputs = self.inputs(&nodes, here);
        match inputs.iter().find(|name| !self.is_given(name, kept)) {
            Some(name) => Err(PartitionError::Global { name: (*name).into() }),
            None => Ok(Subgraph { nodes: nodes.into_iter().collect(), inputs, outputs }),
        }
    }

    /// Returns the nodes that these tensors depend on, as far as `producer` finds them.
    fn needed_for(&self, names: &[&'a str], producer: impl Fn(&str) -> Option<usize>) -> BTreeSet<usize> {
        let (mut found, mut wanted) = (BTreeSet::new(), names.to_vec());
        while let Some(name) = wanted.pop() {
            if let Some(index) = producer(name).filter(|index| !found.contains(index)) {
                found.insert(index);
                wanted.extend(self.needs(index));
            }
        }
        found
    }

    /// Returns the inputs of these nodes that none of them computes.
    fn inputs(&self, nodes: &BTreeSet<usize>, producer: impl Fn(&str) -> Option<usize>) -> Vec<&'a str> {
        let mut seen = HashSet::from([""]);
        let names = nodes.iter().flat_map(|&index| &self.file.nodes[index].inputs).copied();
        let foreign = |name: &&str| producer(name).is_none() && !self.file.constants.contains_key(name);
        names.filter(foreign).filter(|name| seen.insert(name)).collect()
    }

    fn is_given(&self, name: &str, kept: &HashSet<&str>) -> bool {
        match self.producer.get(name) {
            Some(_) if self.pruning.is_some_and(|pruning| pruning.reverse == name) => false,
            Some(&index) => kept.contains(name) || self.nodes[index].exchange.is_some(),
            None => LOCAL.contains(&name) && self.file.inputs.contains_key(name),
        }
    }
}

fn is_matmul(node: &Node) -> bool {
    ["MatMul", "Gemm", "FusedMatMul", tumble_ops::LINEAR].contains(&node.operator)
        || tumble_ops::ATTENTION.contains(&node.operator)
}

#[cfg(test)]
mod tests {
    use tumble_onnx::file::proto::{field, message};

    use super::*;

    fn bytes(model: &str) -> Vec<u8> {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{model}.onnx"));
        std::fs::read(path).unwrap()
    }

    #[test]
    fn inputs_of_subgraphs_come_from_the_structure_or_from_earlier_subgraphs() {
        for (model, exchanges) in [("exported-pet-f64", 4), ("exported-residual-f64", 2), ("pair-padded-f64", 0)] {
            let bytes = bytes(model);
            let file = File::read(&bytes).unwrap();
            let cut = cut(&file, RecomputeLevel::Balanced).unwrap();
            assert_eq!((cut.exchanges.len(), cut.subgraphs.len()), (exchanges, exchanges + 1), "{model}");
            let mut known: HashSet<&str> = LOCAL.into_iter().collect();
            for subgraph in &cut.subgraphs {
                assert!(subgraph.inputs.iter().all(|name| known.contains(name)), "{model}: {:?}", subgraph.inputs);
                known.extend(&subgraph.outputs);
                let results = cut.exchanges.iter().filter(|exchange| subgraph.outputs.contains(&exchange.data));
                known.extend(results.map(|exchange| exchange.result));
            }
            assert!(file.outputs.iter().all(|name| known.contains(name)), "{model}");
        }
    }

    #[test]
    fn layers_are_recomputed_in_the_backward_pass_only_and_once() {
        let bytes = bytes("exported-residual-f64");
        let file = File::read(&bytes).unwrap();
        let subgraphs = cut(&file, RecomputeLevel::Balanced).unwrap().subgraphs;
        let matmuls = |subgraph: &Subgraph| subgraph.nodes.iter().filter(|&&node| is_matmul(&file.nodes[node])).count();
        let all = file.nodes.iter().filter(|node| is_matmul(node)).count();
        let [forward, both, backward] = &subgraphs[..] else { panic!("two layers are three stages") };
        // The last layer goes forward and backward in one stage, so only the first is recomputed.
        let again = forward.nodes.iter().filter(|node| backward.nodes.contains(node) && is_matmul(&file.nodes[**node]));
        assert_eq!(matmuls(forward) + matmuls(both) + matmuls(backward), all + again.count());
        assert!(both.nodes.iter().all(|node| !forward.nodes.contains(node) || !is_matmul(&file.nodes[*node])));
    }

    #[test]
    fn models_with_global_tensors_are_not_partitioned() {
        for (model, name) in [("pair-list-f64", "centers"), ("exported-orb-f64", "replica")] {
            let bytes = bytes(model);
            let why = cut(&File::read(&bytes).unwrap(), RecomputeLevel::Balanced).err().unwrap();
            assert_eq!(why.to_string(), format!("its tensor {name} cannot be computed for a part of the centers"));
        }
    }

    /// Returns a model file of these nodes: operator, inputs and outputs, separated by blanks.
    fn model(nodes: &[[&str; 3]], outputs: &str) -> Vec<u8> {
        let texts = |number, names: &str| -> Vec<u8> {
            names.split_whitespace().flat_map(|name| message(number, name.as_bytes())).collect()
        };
        let node = |[operator, inputs, outputs]: &[&str; 3]| {
            let parts = [texts(field::NODE_INPUT, inputs), texts(field::NODE_OUTPUT, outputs)];
            message(field::GRAPH_NODE, &[parts.concat(), texts(field::NODE_OP_TYPE, operator)].concat())
        };
        let value = |number, name: &str| message(number, &message(field::VALUE_NAME, name.as_bytes()));
        let inputs = LOCAL.iter().chain(&["reverse"]).flat_map(|name| value(field::GRAPH_INPUT, name));
        let outputs = outputs.split_whitespace().flat_map(|name| value(field::GRAPH_OUTPUT, name));
        let graph: Vec<u8> = nodes.iter().flat_map(node).chain(inputs).chain(outputs).collect();
        message(field::MODEL_GRAPH, &graph)
    }

    /// Pruned edges: marks and rows, the narrow part, and the way back, with these marks.
    fn pruned<'a>(prune: &'a str, restore: &'a str) -> Vec<[&'a str; 3]> {
        vec![
            ["Abs", "edge_vectors", "rows"],
            ["Less", "rows rows", "keep"],
            ["PruneEdges", prune, "narrow narrow_neighbors narrow_mask narrow_reverse"],
            ["Where", "narrow_mask narrow narrow", "computed"],
            ["RestoreEdges", restore, "restored"],
            ["Abs", "restored", "edge_gradients"],
        ]
    }

    fn reason(nodes: &[[&str; 3]], outputs: &str) -> String {
        let bytes = model(nodes, outputs);
        let why = cut(&File::read(&bytes).unwrap(), RecomputeLevel::Speed).err();
        why.map(|why| why.to_string()).unwrap_or_default()
    }

    #[test]
    fn pruned_edges_divide_a_model_into_three_stages() {
        let bytes = model(&pruned("rows keep neighbors reverse", "computed keep reverse"), "edge_gradients");
        let file = File::read(&bytes).unwrap();
        let cut = cut(&file, RecomputeLevel::Speed).unwrap();
        let kinds: Vec<_> = cut.exchanges.iter().map(|exchange| (exchange.kind, exchange.narrow)).collect();
        assert_eq!(kinds, [(ExchangeKind::Prune, false), (ExchangeKind::Restore, true)]);
        let inputs: Vec<_> = cut.subgraphs.iter().map(|subgraph| &*subgraph.inputs).collect();
        assert_eq!(inputs, [&["edge_vectors"][..], &["narrow_mask", "narrow"], &["restored"]]);
        assert_eq!(cut.subgraphs[0].outputs, ["rows", "keep"]);
    }

    #[test]
    fn misused_exchanges_are_reasons_not_to_partition() {
        let kept = "computed keep reverse";
        let marked_by_an_input = pruned("rows mask neighbors reverse", "computed mask reverse");
        assert_eq!(reason(&marked_by_an_input, "edge_gradients"), "no stage computes its tensor mask");
        let other_marks = pruned("rows keep neighbors reverse", "computed mask reverse");
        assert_eq!(
            reason(&other_marks, "edge_gradients"),
            "its tensor reverse cannot be computed for a part of the centers"
        );
        let never_pruned = pruned("rows keep neighbors reverse", "rows keep reverse");
        assert!(reason(&never_pruned, "edge_gradients").contains("its tensor reverse cannot"));
        let direct = pruned("rows keep neighbors reverse", kept);
        assert_eq!(reason(&direct, "restored"), "its output restored is the result of an exchange of rows itself");
        let twice = [pruned("rows keep neighbors reverse", kept), pruned("rows keep neighbors reverse", kept)].concat();
        assert_eq!(reason(&twice, "edge_gradients"), "it has more than one node PruneEdges");
        let bare = pruned("rows", kept);
        assert!(reason(&bare, "edge_gradients").contains("cannot be computed for a part of the centers"));
    }
}
