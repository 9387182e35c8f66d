//! From one half of the edges of a structure to its graph.

use super::{Graph, Rows};
use crate::rotation::{Vector3, sub};

/// The graph of a structure, all of whose N atoms are centers of weight 1, from rows `[N]` that hold one of each edge
/// and its reverse.
///
/// Where a row holds several images of a neighbor they are in the order of their shifts, and after all those that the
/// neighbor's row holds in its place. Nothing is compared then, and the graph is sorted all the same: neighbors are gone
/// through in order, and each is appended to the rows of its centers.
pub(crate) fn both_halves(species: Vec<u8>, half: &Rows) -> Graph {
    let incoming = Incoming::new(half);
    let mut both = Both::new(half, &incoming);
    for neighbor in 0..species.len() {
        // The reverse of edges in ascending order of their shifts is in descending order.
        for edge in half.edges(neighbor).rev() {
            // Not the negative, which would make zeros negative.
            both.put(half.neighbors[edge], neighbor, sub([0.0; 3], half.vectors[edge]), edge, 1);
        }
        for &(center, edge) in incoming.of(neighbor) {
            let edge = edge as usize;
            both.put(center as usize, neighbor, half.vectors[edge], edge, 0);
        }
    }
    both.finish(species)
}

/// Edges by their neighbors.
struct Incoming {
    /// Those of neighbor n are `first[n]..first[n + 1]` `[N + 1]`.
    first: Vec<usize>,
    /// Center and edge, sorted by neighbor, then edge.
    edges: Vec<(u32, u32)>,
}

impl Incoming {
    fn new(rows: &Rows) -> Self {
        assert!(u32::try_from(2 * rows.neighbors.len()).is_ok(), "a structure has fewer than 2^32 edges");
        let mut first = vec![0; rows.first_edge.len()];
        rows.neighbors.iter().for_each(|neighbor| first[neighbor + 1] += 1);
        for neighbor in 1..first.len() {
            first[neighbor] += first[neighbor - 1];
        }
        let (mut next, mut edges) = (first.clone(), vec![(0, 0); rows.neighbors.len()]);
        for center in 0..rows.first_edge.len() - 1 {
            for edge in rows.edges(center) {
                let place = &mut next[rows.neighbors[edge]];
                edges[*place] = (center as u32, edge as u32);
                *place += 1;
            }
        }
        Self { first, edges }
    }

    fn of(&self, neighbor: usize) -> &[(u32, u32)] {
        &self.edges[self.first[neighbor]..self.first[neighbor + 1]]
    }
}

/// Edges in both directions, as far as they are there.
struct Both {
    first_edge: Vec<usize>,
    neighbors: Vec<usize>,
    vectors: Vec<Vector3>,
    /// Where the next edge of each center goes `[N]`, and the last number `first_edge[N]`.
    next: Vec<usize>,
    /// Where each edge of the half has gone, and its reverse.
    slots: Vec<[u32; 2]>,
}

impl Both {
    fn new(half: &Rows, incoming: &Incoming) -> Self {
        let first_edge: Vec<_> = half.first_edge.iter().zip(&incoming.first).map(|(own, more)| own + more).collect();
        let edges = half.neighbors.len();
        Self {
            next: first_edge.clone(),
            first_edge,
            neighbors: vec![0; 2 * edges],
            vectors: vec![[0.0; 3]; 2 * edges],
            slots: vec![[0; 2]; edges],
        }
    }

    fn put(&mut self, center: usize, neighbor: usize, vector: Vector3, edge: usize, direction: usize) {
        let slot = self.next[center];
        self.next[center] += 1;
        self.neighbors[slot] = neighbor;
        self.vectors[slot] = vector;
        self.slots[edge][direction] = slot as u32;
    }

    fn finish(self, species: Vec<u8>) -> Graph {
        let Self { first_edge, neighbors, vectors, slots, .. } = self;
        let mut reverse = vec![0; neighbors.len()];
        for [forth, back] in slots.into_iter().map(|both| both.map(|slot| slot as usize)) {
            reverse[forth] = back;
            reverse[back] = forth;
        }
        let weights = vec![1.0; species.len()];
        Graph { species, weights, first_edge, neighbors, vectors, reverse, volume: None }
    }
}
