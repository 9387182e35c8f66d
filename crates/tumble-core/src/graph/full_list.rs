//! Builds a full neighbor list, the graph, from a half list, with one edge per pair.

use super::{EdgeRows, Graph};
use crate::rotation::{Vector3, sub};

/// Builds graphs from half lists of their edges, and reuses its buffers for the next graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct FullListBuilder {
    incoming: Incoming,
    /// Slot of the next edge of each center `[N]`, followed by `first_edge[N]`.
    next: Vec<usize>,
    /// Slots in the graph of each edge of the half list, and of its reverse.
    slots: Vec<[u32; 2]>,
}

impl FullListBuilder {
    /// Builds the graph of a structure, without its volume, from a half list: rows `[N]` that hold either an edge or
    /// its reverse. All N atoms become centers of weight 1.
    ///
    /// The images of a neighbor in one row must be in ascending order of their shifts, and their shifts larger than
    /// those of the images in the neighbor's row, seen from this atom. The graph is then sorted without any comparison:
    /// the neighbors are visited in order, and each is appended to the rows of its centers.
    pub fn build(&mut self, species: &[u8], half: &EdgeRows, graph: &mut Graph) {
        self.incoming.fill(half);
        self.begin(species, half, graph);
        for neighbor in 0..species.len() {
            // The edges ascend in their shifts, so their reverses descend.
            for edge in half.edges(neighbor).rev() {
                // A subtraction, since negation would turn 0 into -0.
                let back = sub([0.0; 3], half.vectors[edge]);
                self.slots[edge][1] = put(&mut self.next, graph, half.neighbors[edge], neighbor, back);
            }
            for &(center, edge) in self.incoming.of(neighbor) {
                let edge = edge as usize;
                self.slots[edge][0] = put(&mut self.next, graph, center as usize, neighbor, half.vectors[edge]);
            }
        }
        for [forth, back] in self.slots.iter().map(|both| both.map(|slot| slot as usize)) {
            graph.reverse[forth] = back;
            graph.reverse[back] = forth;
        }
    }

    /// Memory in use, bytes.
    pub fn bytes(&self) -> usize {
        let Incoming { first, edges, next } = &self.incoming;
        let whole = self.next.capacity() + first.capacity() + next.capacity();
        whole * size_of::<usize>() + 8 * (self.slots.capacity() + edges.capacity())
    }

    /// Sizes the arrays of the graph, and sets the first slot of each center.
    fn begin(&mut self, species: &[u8], half: &EdgeRows, graph: &mut Graph) {
        let edges = 2 * half.neighbors.len();
        refill(&mut graph.species, species.iter().copied());
        refill(&mut graph.weights, species.iter().map(|_| 1.0));
        refill(&mut graph.first_edge, half.first_edge.iter().zip(&self.incoming.first).map(|(own, more)| own + more));
        // Every element is overwritten, so values left from the last graph do no harm.
        graph.neighbors.resize(edges, 0);
        graph.vectors.resize(edges, [0.0; 3]);
        graph.reverse.resize(edges, 0);
        self.slots.resize(half.neighbors.len(), [0; 2]);
        self.next.clone_from(&graph.first_edge);
    }
}

/// Writes an edge into the next slot of its center, and returns the slot.
fn put(next: &mut [usize], graph: &mut Graph, center: usize, neighbor: usize, vector: Vector3) -> u32 {
    let slot = next[center];
    next[center] += 1;
    graph.neighbors[slot] = neighbor;
    graph.vectors[slot] = vector;
    slot as u32
}

fn refill<T>(values: &mut Vec<T>, with: impl Iterator<Item = T>) {
    values.clear();
    values.extend(with);
}

/// The edges grouped by neighbor.
#[derive(Clone, Debug, Default)]
struct Incoming {
    /// The edges of neighbor n are `first[n]..first[n + 1]` `[N + 1]`.
    first: Vec<usize>,
    /// Center and edge, sorted by neighbor, then edge.
    edges: Vec<(u32, u32)>,
    /// Index for the next edge of each neighbor `[N + 1]`.
    next: Vec<usize>,
}

impl Incoming {
    fn fill(&mut self, rows: &EdgeRows) {
        assert!(u32::try_from(2 * rows.neighbors.len()).is_ok(), "a structure has fewer than 2^32 edges");
        let first = &mut self.first;
        first.clear();
        first.resize(rows.first_edge.len(), 0);
        rows.neighbors.iter().for_each(|neighbor| first[neighbor + 1] += 1);
        for neighbor in 1..first.len() {
            first[neighbor] += first[neighbor - 1];
        }
        self.next.clone_from(first);
        self.edges.resize(rows.neighbors.len(), (0, 0));
        for center in 0..rows.first_edge.len() - 1 {
            for edge in rows.edges(center) {
                let place = &mut self.next[rows.neighbors[edge]];
                self.edges[*place] = (center as u32, edge as u32);
                *place += 1;
            }
        }
    }

    fn of(&self, neighbor: usize) -> &[(u32, u32)] {
        &self.edges[self.first[neighbor]..self.first[neighbor + 1]]
    }
}
