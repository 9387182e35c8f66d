//! Groups of nodes that become one program each.
//!
//! The level of a node is the number of times that a path to it leaves a group. All rowwise nodes of the same rows and level
//! are a group: a path that leaves it goes up by a level and never comes back.

use std::collections::{HashMap, HashSet};

use tumble_ops::{DOMAIN, ROW_PROGRAM};

use super::builder::{Builder, Program};
use super::dimension::Dimension;
use super::graph::Graph;
use super::infer::{BOOL, DOUBLE, FLOAT};
use super::shapes::Shapes;
use super::translate::translate;
use crate::file::node::Node;
use crate::file::proto::{field, message, number};

/// Fewest steps of a program.
const FEWEST_STEPS: usize = 2;

/// The groups of a graph.
pub(super) struct Groups<'a> {
    graph: &'a Graph<'a>,
    shapes: &'a Shapes,
    /// The rows of each rowwise node.
    rows: Vec<Option<Dimension>>,
    /// Whether a node reads rows in another order, which no program can do with its own.
    moves: Vec<bool>,
    levels: Vec<usize>,
    /// The least level of nodes that are too few for a program of their own: they join the one that reads their results.
    raised: Vec<usize>,
    programs: Vec<(usize, Fused<'a>)>,
}

/// A group as one node.
struct Fused<'a> {
    nodes: Vec<usize>,
    outputs: Vec<&'a str>,
    double: bool,
    program: Program<'a>,
}

impl<'a> Groups<'a> {
    pub fn find(graph: &'a Graph<'a>, shapes: &'a Shapes) -> Self {
        let found = graph.nodes.iter().map(|(_, node)| rows_of(node, shapes));
        let (rows, moves) = found.map(|found| found.map_or((None, false), |(rows, moves)| (Some(rows), moves))).unzip();
        let raised = vec![0; graph.nodes.len()];
        let mut groups = Self { graph, shapes, rows, moves, levels: Vec::new(), raised, programs: Vec::new() };
        // Each round raises nodes, which is done once, or takes them out of their groups, so it ends.
        loop {
            groups.levels = groups.levels();
            match groups.fuse() {
                Ok(programs) => groups.programs = programs,
                Err(nodes) => {
                    for node in nodes.into_iter().rev().filter(|&node| !groups.raise(node)).collect::<Vec<_>>() {
                        groups.rows[node] = None;
                    }
                    continue;
                }
            }
            return groups;
        }
    }

    /// Returns the Booleans that only rowwise nodes make and read.
    fn numbers(&self) -> HashSet<&'a str> {
        let nodes = || self.graph.nodes.iter().zip(&self.rows).map(|((_, node), rows)| (node, rows));
        let others = nodes().filter(|(_, rows)| rows.is_none()).flat_map(|(node, _)| &node.inputs);
        let read: HashSet<&str> = others.chain(&self.graph.outputs).copied().collect();
        let made = nodes().filter(|(_, rows)| rows.is_some()).flat_map(|(node, _)| &node.outputs).copied();
        let flags = |name: &&str| self.shapes.get(name).is_some_and(|info| info.element == BOOL);
        made.filter(|name| flags(name) && !read.contains(name)).collect()
    }

    /// Raises a node to the level of the nodes that read its results, if they are a later part of the same rows.
    fn raise(&mut self, node: usize) -> bool {
        let made = &self.graph.nodes[node].1.outputs;
        let reads = |reader: &usize| self.graph.nodes[*reader].1.inputs.iter().any(|name| made.contains(name));
        let readers: Vec<_> = (0..self.graph.nodes.len()).filter(reads).collect();
        let joins = |&reader: &usize| self.rows[reader] == self.rows[node] && !self.moves[reader];
        let level = readers.iter().map(|&reader| self.levels[reader].max(self.raised[reader])).min().unwrap_or(0);
        let raises = self.raised[node] == 0 && level > self.levels[node] && readers.iter().all(joins);
        if raises {
            self.raised[node] = level;
        }
        raises
    }

    fn levels(&self) -> Vec<usize> {
        let (mut levels, mut producers) = (Vec::new(), HashMap::new());
        for (index, (_, node)) in self.graph.nodes.iter().enumerate() {
            let rows = &self.rows[index];
            let after = |name: &&str| {
                let &producer = producers.get(name)?;
                let own: &Option<Dimension> = &self.rows[producer];
                let inside = rows.is_some() && own == rows && !self.moves[index];
                let border = own.is_some() && !inside;
                Some(levels[producer] + usize::from(border))
            };
            let level = node.inputs.iter().filter_map(after).max().unwrap_or(0);
            levels.push(level.max(self.raised[index]));
            producers.extend(node.outputs.iter().map(|name| (*name, index)));
        }
        levels
    }

    /// Returns the programs of all groups by their level; or nodes that cannot be in a group.
    fn fuse(&self) -> Result<Vec<(usize, Fused<'a>)>, Vec<usize>> {
        let mut members: HashMap<(usize, &Dimension), Vec<usize>> = HashMap::new();
        for (index, rows) in self.rows.iter().enumerate() {
            if let Some(rows) = rows {
                members.entry((self.levels[index], rows)).or_default().push(index);
            }
        }
        let (mut programs, mut rejected, numbers) = (Vec::new(), Vec::new(), self.numbers());
        for ((level, _), nodes) in members {
            match self.program(nodes, &numbers) {
                Ok(fused) => programs.push((level, fused)),
                Err(nodes) => rejected.extend(nodes),
            }
        }
        // Files are written in the same order each time, unlike a map's.
        programs.sort_by_key(|(level, fused)| (*level, fused.nodes[0]));
        if rejected.is_empty() { Ok(programs) } else { Err(rejected) }
    }

    fn program(&self, nodes: Vec<usize>, numbers: &HashSet<&'a str>) -> Result<Fused<'a>, Vec<usize>> {
        let mut builder = Builder::new(self.shapes, numbers);
        builder.rows.clone_from(&self.rows[nodes[0]]);
        for &node in &nodes {
            translate(&self.graph.nodes[node].1, &mut builder).ok_or_else(|| vec![node])?;
        }
        let outputs = self.outputs(&nodes);
        // A file may have nodes whose results nobody reads.
        if outputs.is_empty() || builder.len() < FEWEST_STEPS || !builder.tells_rows() {
            return Err(nodes);
        }
        let producer = |index: usize| {
            let name = outputs[index].1;
            nodes.iter().copied().filter(|&node| self.graph.nodes[node].1.outputs.contains(&name)).collect::<Vec<_>>()
        };
        let names: Vec<_> = outputs.iter().map(|(_, name)| *name).collect();
        let program = builder.finish(&names).map_err(producer)?;
        Ok(Fused { nodes, outputs: names, double: self.shapes.real == DOUBLE, program })
    }

    /// Returns the results of nodes that others read, with their nodes.
    fn outputs(&self, nodes: &[usize]) -> Vec<(usize, &'a str)> {
        let inside: HashSet<_> = nodes.iter().collect();
        let others = self.graph.nodes.iter().enumerate().filter(|(index, _)| !inside.contains(index));
        let mut read: HashSet<&str> = others.flat_map(|(_, (_, node))| &node.inputs).copied().collect();
        read.extend(&self.graph.outputs);
        let made =
            nodes.iter().flat_map(|&index| self.graph.nodes[index].1.outputs.iter().map(move |name| (index, *name)));
        made.filter(|(_, name)| read.contains(name)).collect()
    }

    /// Returns the graph with a node for each group; `None` without groups.
    pub fn written(&self) -> Option<Vec<u8>> {
        if self.programs.is_empty() {
            return None;
        }
        let fused: HashSet<_> = self.programs.iter().flat_map(|(_, fused)| &fused.nodes).collect();
        let others = self.graph.nodes.iter().enumerate().filter(|(index, _)| !fused.contains(index));
        let mut nodes: Vec<(usize, Vec<u8>)> = others
            .map(|(index, (field, _))| (2 * self.levels[index], self.graph.fields[*field].raw.to_vec()))
            .collect();
        let programs = self.programs.iter().enumerate();
        nodes.extend(programs.map(|(index, (level, fused))| (2 * level + 1, fused.written(index))));
        // At a level the groups read results of the other nodes, which read those of groups below.
        nodes.sort_by_key(|(place, _)| *place);
        let rest = self.graph.fields.iter().filter(|part| part.number != field::GRAPH_NODE);
        Some(nodes.into_iter().flat_map(|(_, node)| node).chain(rest.flat_map(|part| part.raw).copied()).collect())
    }
}

/// Returns the rows of a node, and whether it reads them in another order; `None` if it is not rowwise.
fn rows_of(node: &Node, shapes: &Shapes) -> Option<(Dimension, bool)> {
    let numbers = HashSet::new();
    let mut builder = Builder::new(shapes, &numbers);
    translate(node, &mut builder)?;
    let moves = builder.moves_rows();
    builder.rows.filter(|_| [FLOAT, DOUBLE].contains(&shapes.real)).map(|rows| (rows, moves))
}

impl Fused<'_> {
    /// Returns it as a NodeProto.
    fn written(&self, index: usize) -> Vec<u8> {
        let program = serde_json::to_vec(&self.program.program).expect("a program is text");
        let name = format!("rows {index} ({} nodes)", self.nodes.len());
        let parts = [
            self.program.inputs.iter().flat_map(|name| message(field::NODE_INPUT, name.as_bytes())).collect(),
            self.outputs.iter().flat_map(|name| message(field::NODE_OUTPUT, name.as_bytes())).collect(),
            message(field::NODE_NAME, name.as_bytes()),
            message(field::NODE_OP_TYPE, ROW_PROGRAM[usize::from(self.double)].as_bytes()),
            message(field::NODE_DOMAIN, DOMAIN.as_bytes()),
            message(field::NODE_ATTRIBUTE, &text("program", &program)),
        ];
        message(field::GRAPH_NODE, &parts.concat())
    }
}

/// Returns an attribute of text.
fn text(name: &str, value: &[u8]) -> Vec<u8> {
    /// `AttributeProto.AttributeType.STRING`
    const TEXT: u64 = 3;
    let parts = [
        message(field::ATTRIBUTE_NAME, name.as_bytes()),
        message(field::ATTRIBUTE_STRING, value),
        number(field::ATTRIBUTE_TYPE, TEXT),
    ];
    parts.concat()
}
