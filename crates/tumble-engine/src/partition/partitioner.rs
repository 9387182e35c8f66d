//! Partitioning of a model's graph at its layers of message passing.
//!
//! All of a model but the exchange of rows acts on each center separately. `ReverseEdges`, or in older files a Gather,
//! puts the rows of a tensor into the order of the reversed edges: forward for the messages, backward for their
//! gradients. `PruneEdges` leads from the edges of the structure to the narrow ones, `RestoreEdges` back. `NeighborRows`
//! gives each edge the row of its neighbor, `SumOverStructure` each center the sum of all rows. The stage of a node is
//! the number of successive exchanges that it depends on. The tensors that a stage needs of an earlier one are kept or
//! recomputed.

mod exchange;

use std::collections::{BTreeSet, HashMap, HashSet};

use tumble_core::planner::RecomputeLevel;

use crate::error::PartitionError;
pub(crate) use crate::partition::partitioner::exchange::{Exchange, ExchangeKind, Pruning};
use crate::raw_model::{File, Node};

/// Inputs that exist for a part of the centers.
const LOCAL: [&str; 9] =
    ["edge_vectors", "neighbors", "mask", "species", "weights", "charge", "spin", "field", "volume"];

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

/// Partitions a graph into stages. Tensors of an earlier stage are kept if that saves at least `level.matmuls()` matrix
/// products per kept tensor, and recomputed otherwise; [`RecomputeLevel::Speed`] then keeps the results of the products
/// themselves, so that none is computed twice. Tensors that follow from the list of edges alone are many nodes to
/// compute: [`RecomputeLevel::Speed`] keeps those that can be kept (`keepable`).
pub(crate) fn cut<'a>(
    file: &'a File<'a>,
    level: RecomputeLevel,
    keepable: &'a dyn Fn(&str) -> bool,
) -> Result<GraphPartition<'a>, PartitionError> {
    let graph = Graph::new(file, keepable)?;
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
    /// Whether a tensor can be kept.
    keepable: &'a dyn Fn(&str) -> bool,
}

impl<'a> Graph<'a> {
    fn new(file: &'a File<'a>, keepable: &'a dyn Fn(&str) -> bool) -> Result<Self, PartitionError> {
        let made =
            |(index, node): (usize, &Node<'a>)| node.outputs.iter().map(move |&name| (name, index)).collect::<Vec<_>>();
        let producer = file.nodes.iter().enumerate().flat_map(made).collect();
        let mut prunings = file.nodes.iter().filter(|node| node.operator == exchange::PRUNE);
        let pruning = prunings.next().and_then(Pruning::read);
        if prunings.next().is_some() {
            return Err(PartitionError::Prunings);
        }
        let mut graph = Self { file, producer, nodes: Vec::new(), pruning, keepable };
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
        if let Some(why) = graph.misused() {
            return Err(why);
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
        let exchange = self.exchange(node, &from);
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

    fn mark_live(&mut self) {
        for index in self.needed_for(&self.file.outputs, |name| self.producer.get(name).copied()) {
            self.nodes[index].live = true;
        }
    }

    /// Whether a tensor belongs to the edges of the structure, in a model that prunes them. It is small beside those of
    /// the narrow edges.
    fn is_beside_narrow(&self, name: &str) -> bool {
        let NodeInfo { geometry, narrow, .. } = self.of(name);
        self.pruning.is_some() && geometry && !narrow
    }

    /// Whether a tensor follows from the list of edges alone.
    fn is_of_list(&self, name: &str) -> bool {
        let NodeInfo { geometry, reversed, .. } = self.of(name);
        !geometry && !reversed && (self.keepable)(name)
    }

    /// Returns the nodes of a stage and the recomputed nodes of earlier stages; adds the tensors to be kept to `kept`.
    fn members(&self, stage: usize, level: RecomputeLevel, kept: &mut HashSet<&'a str>) -> BTreeSet<usize> {
        let own = |&index: &usize| {
            self.nodes[index].live && self.nodes[index].exchange.is_none() && self.nodes[index].stage == stage
        };
        let mut members: BTreeSet<_> = (0..self.nodes.len()).filter(own).collect();
        for earlier in (0..stage).rev() {
            self.keep_small(level, &members, earlier, kept);
            let needed = |name: &&str, kept: &HashSet<&str>| self.made_in(name, earlier, kept).is_some();
            let names = || members.iter().flat_map(|&index| &self.file.nodes[index].inputs).copied();
            let needed: Vec<_> = names().filter(|name| needed(name, kept)).collect();
            let again = self.needed_for(&needed, |name| self.made_in(name, earlier, kept));
            let costly: HashSet<_> = needed.iter().copied().filter(|name| self.of(name).product).collect();
            let products: Vec<_> = again.iter().filter(|&&index| is_matmul(&self.file.nodes[index])).collect();
            if level.matmuls() * costly.len() <= products.len() {
                kept.extend(costly);
            } else if level == RecomputeLevel::Speed {
                let results = products.iter().flat_map(|&&index| &self.file.nodes[index].outputs);
                kept.extend(results.filter(|name| !name.is_empty()));
            }
            members.extend(self.needed_for(&needed, |name| self.made_in(name, earlier, kept)));
        }
        members
    }

    /// Keeps the small tensors of an earlier stage that the members need, or the nodes that are recomputed for them: a node
    /// with several results is thus not recomputed for one while another is kept.
    fn keep_small(
        &self,
        level: RecomputeLevel,
        members: &BTreeSet<usize>,
        earlier: usize,
        kept: &mut HashSet<&'a str>,
    ) {
        let of_list = |name: &str| level == RecomputeLevel::Speed && self.is_of_list(name);
        loop {
            let made = |name: &str| self.made_in(name, earlier, kept);
            let inputs = |&index: &usize| self.file.nodes[index].inputs.iter().copied();
            let needed: Vec<_> = members.iter().flat_map(inputs).filter(|name| made(name).is_some()).collect();
            let again = self.needed_for(&needed, made);
            let names = members.iter().chain(&again).flat_map(inputs).filter(|name| made(name).is_some());
            let small: Vec<_> = names.filter(|name| self.is_beside_narrow(name) || of_list(name)).collect();
            if small.is_empty() {
                return;
            }
            kept.extend(small);
        }
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
        let exchanged: HashSet<_> = self.exchanges().flat_map(|exchange| exchange.operands()).chain(keep).collect();
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
mod tests;
