//! From one half of the edges of a structure to its graph.

use super::{Graph, Rows};
use crate::rotation::{Vector3, sub};

/// Makes graphs of halves of their edges, and keeps the memory for the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joiner {
    incoming: Incoming,
    /// Where the next edge of each center goes `[N]`, and the last number `first_edge[N]`.
    next: Vec<usize>,
    /// Where each edge of the half has gone, and its reverse.
    slots: Vec<[u32; 2]>,
}

impl Joiner {
    /// Makes the graph of a structure, all of whose N atoms are centers of weight 1, from rows `[N]` that hold one of each
    /// edge and its reverse; without the volume.
    ///
    /// Where a row holds several images of a neighbor they are in the order of their shifts, and after all those that the
    /// neighbor's row holds in its place. Nothing is compared then, and the graph is sorted all the same: neighbors are
    /// gone through in order, and each is appended to the rows of its centers.
    pub fn join(&mut self, species: &[u8], half: &Rows, graph: &mut Graph) {
        self.incoming.fill(half);
        self.begin(species, half, graph);
        for neighbor in 0..species.len() {
            // The reverse of edges in ascending order of their shifts is in descending order.
            for edge in half.edges(neighbor).rev() {
                // Not the negative, which would make zeros negative.
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

    /// Memory that it has taken.
    pub fn bytes(&self) -> usize {
        let Incoming { first, edges, next } = &self.incoming;
        let whole = self.next.capacity() + first.capacity() + next.capacity();
        whole * size_of::<usize>() + 8 * (self.slots.capacity() + edges.capacity())
    }

    /// Gives every edge its room.
    fn begin(&mut self, species: &[u8], half: &Rows, graph: &mut Graph) {
        let edges = 2 * half.neighbors.len();
        refill(&mut graph.species, species.iter().copied());
        refill(&mut graph.weights, species.iter().map(|_| 1.0));
        refill(&mut graph.first_edge, half.first_edge.iter().zip(&self.incoming.first).map(|(own, more)| own + more));
        // All of it is written over: what is there of the graph before does no harm.
        graph.neighbors.resize(edges, 0);
        graph.vectors.resize(edges, [0.0; 3]);
        graph.reverse.resize(edges, 0);
        self.slots.resize(half.neighbors.len(), [0; 2]);
        self.next.clone_from(&graph.first_edge);
    }
}

/// Writes an edge into the next slot of its center, which it returns.
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

/// Edges by their neighbors.
#[derive(Clone, Debug, Default)]
struct Incoming {
    /// Those of neighbor n are `first[n]..first[n + 1]` `[N + 1]`.
    first: Vec<usize>,
    /// Center and edge, sorted by neighbor, then edge.
    edges: Vec<(u32, u32)>,
    /// Where the next one of each neighbor goes `[N + 1]`.
    next: Vec<usize>,
}

impl Incoming {
    fn fill(&mut self, rows: &Rows) {
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
