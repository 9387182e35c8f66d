//! The neighbor graph: the input of every calculation, and all that a model sees of a structure.
//!
//! A rotation does not change the neighbor list, so rotating a structure means rotating the edge vectors of its graph
//! and nothing else.

mod extremes;
mod full_list;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use full_list::FullListBuilder;

use crate::conditions::Conditions;
use crate::domain::Domain;
use crate::rotation::{Vector3, add, dot, sub};

/// Directed edges from C centers to their neighbors among N atoms, sorted by center, then neighbor, then cell shift
/// (if known) or vector.
///
/// The centers are the first C of the atoms. Under domain decomposition they are the rank's own atoms (weight 1)
/// followed by the ghosts whose messages reach them (weight 0), or the own atoms alone if ranks exchange messages
/// ([`Domain`]); the other N - C atoms are neighbors only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Atomic numbers `[N]`.
    pub species: Vec<u8>,
    /// Share of each center's energy in the total `[C]`: 1 for own atoms, 0 for ghosts.
    pub weights: Vec<f64>,
    /// Edges of center c are `first_edge[c]..first_edge[c + 1]`; `[C + 1]`.
    pub first_edge: Vec<usize>,
    /// The neighbor of each edge, as an index into the N atoms; `[E]`.
    pub neighbors: Vec<usize>,
    /// `x[neighbor] - x[center]`, with x\[neighbor\] in the image of the edge, laboratory frame, Å; `[E]`.
    pub vectors: Vec<Vector3>,
    /// Index of each edge's reverse, or its own index if the reverse is not in the graph; `[E]`.
    pub reverse: Vec<usize>,
    /// Volume of the cell, Å^3, if the graph holds the whole structure and all directions are periodic.
    pub volume: Option<f64>,
    /// Conditions of the structure.
    pub conditions: Conditions,
    /// The edges to atoms of other ranks, if ranks exchange the messages of one structure.
    pub domain: Option<Arc<Domain>>,
}

/// One edge, before it is sorted into a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Index of the neighbor among the N atoms.
    pub neighbor: usize,
    /// `x[neighbor] - x[center]`, Å.
    pub vector: Vector3,
}

/// Edges in compressed sparse rows, one row per center, as a graph holds them.
#[derive(Clone, Debug)]
pub(crate) struct EdgeRows {
    first_edge: Vec<usize>,
    neighbors: Vec<usize>,
    vectors: Vec<Vector3>,
}

impl Default for EdgeRows {
    fn default() -> Self {
        Self { first_edge: vec![0], neighbors: Vec::new(), vectors: Vec::new() }
    }
}

impl EdgeRows {
    /// Removes all rows; keeps the memory.
    pub fn clear(&mut self) {
        self.first_edge.truncate(1);
        self.neighbors.clear();
        self.vectors.clear();
    }

    /// Reserves memory for more rows and edges.
    pub fn reserve(&mut self, rows: usize, edges: usize) {
        self.first_edge.reserve(rows);
        self.neighbors.reserve(edges);
        self.vectors.reserve(edges);
    }

    /// Adds an edge to the current row.
    #[inline]
    pub fn push(&mut self, edge: Edge) {
        self.neighbors.push(edge.neighbor);
        self.vectors.push(edge.vector);
    }

    /// Ends the current row.
    #[inline]
    pub fn end(&mut self) {
        self.first_edge.push(self.neighbors.len());
    }

    /// Memory in use, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let whole = self.first_edge.capacity() + self.neighbors.capacity();
        whole * size_of::<usize>() + self.vectors.capacity() * size_of::<Vector3>()
    }

    fn edges(&self, row: usize) -> Range<usize> {
        self.first_edge[row]..self.first_edge[row + 1]
    }

    /// Appends the rows of the next centers.
    pub fn append(&mut self, mut more: Self) {
        let before = self.neighbors.len();
        self.first_edge.extend(more.first_edge[1..].iter().map(|edge| before + edge));
        self.neighbors.append(&mut more.neighbors);
        self.vectors.append(&mut more.vectors);
    }
}

/// Tolerance on the sum of the vectors of an edge and its reverse, Å: far above rounding in any box, and far below the
/// distance between two images of an atom.
pub(crate) const REVERSE_TOLERANCE: f64 = 1e-4;

impl Graph {
    /// Builds a graph from the edges of each center, in any order. `species` is `[N]`, `weights` and `rows` are `[C]`,
    /// C <= N.
    pub fn new(species: Vec<u8>, weights: Vec<f64>, mut rows: Vec<Vec<Edge>>) -> Self {
        for row in &mut rows {
            row.sort_by(|a, b| a.neighbor.cmp(&b.neighbor).then_with(|| compare(a.vector, b.vector)));
        }
        Self::from_sorted(species, weights, &rows)
    }

    /// Builds a graph from rows sorted by neighbor. Images of one neighbor stay in the order given: a caller that knows
    /// the cell shifts can choose an order that does not depend on the rounding of the vectors.
    pub(crate) fn from_sorted(species: Vec<u8>, weights: Vec<f64>, rows: &[Vec<Edge>]) -> Self {
        let mut flat = EdgeRows::default();
        for row in rows {
            row.iter().for_each(|edge| flat.push(*edge));
            flat.end();
        }
        let EdgeRows { first_edge, neighbors, vectors } = flat;
        assert!(weights.len() == rows.len() && rows.len() <= species.len(), "the centers are the first of the atoms");
        let mut graph = Self { species, weights, first_edge, neighbors, vectors, ..Self::default() };
        graph.reverse = graph.find_reverses();
        graph
    }

    /// Number of atoms N.
    #[inline]
    pub fn n_atoms(&self) -> usize {
        self.species.len()
    }

    /// Number of centers C.
    #[inline]
    pub fn n_centers(&self) -> usize {
        self.weights.len()
    }

    /// Number of edges E.
    #[inline]
    pub fn n_edges(&self) -> usize {
        self.neighbors.len()
    }

    /// Returns the edges of one center.
    #[inline]
    pub fn edges(&self, center: usize) -> Range<usize> {
        self.first_edge[center]..self.first_edge[center + 1]
    }

    /// Iterates over (center, edge) of every edge, in order.
    #[inline]
    pub fn center_edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.n_centers()).flat_map(|center| self.edges(center).map(move |edge| (center, edge)))
    }

    /// Largest number of neighbors of a center.
    pub fn max_neighbors(&self) -> usize {
        self.first_edge.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }

    /// Memory in use, bytes.
    pub fn bytes(&self) -> usize {
        let whole = self.first_edge.capacity() + self.neighbors.capacity() + self.reverse.capacity();
        let per_atom = self.species.capacity() + self.weights.capacity() * size_of::<f64>();
        per_atom + whole * size_of::<usize>() + self.vectors.capacity() * size_of::<Vector3>()
    }

    /// Finds the reverse of each edge in time linear in the number of edges: centers ascend, so the search position in
    /// each row only moves forward.
    fn find_reverses(&self) -> Vec<usize> {
        let mut next = self.first_edge.clone();
        let mut reverse = Vec::with_capacity(self.n_edges());
        for (center, edge) in self.center_edges() {
            let neighbor = self.neighbors[edge];
            if neighbor >= self.n_centers() {
                reverse.push(edge);
                continue;
            }
            let end = self.first_edge[neighbor + 1];
            while next[neighbor] < end && self.neighbors[next[neighbor]] < center {
                next[neighbor] += 1;
            }
            reverse.push(self.find_reverse(center, edge, next[neighbor]..end));
        }
        reverse
    }

    /// Returns the reverse of `edge` among the edges to `center` at the start of `row`, or `edge` itself if it has
    /// none.
    fn find_reverse(&self, center: usize, edge: usize, row: Range<usize>) -> usize {
        let sum = |e: usize| {
            let s = add(self.vectors[e], self.vectors[edge]);
            dot(s, s)
        };
        row.take_while(|&e| self.neighbors[e] == center)
            .min_by(|&a, &b| sum(a).total_cmp(&sum(b)))
            .filter(|&e| sum(e) < REVERSE_TOLERANCE * REVERSE_TOLERANCE)
            .unwrap_or(edge)
    }
}

fn compare(a: Vector3, b: Vector3) -> std::cmp::Ordering {
    a.iter().zip(&b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// Returns the edge between two atoms without periodic images; a convenience for tests and small molecules.
pub fn edge_between(positions: &[Vector3], center: usize, neighbor: usize) -> Edge {
    Edge { neighbor, vector: sub(positions[neighbor], positions[center]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_is_an_involution_and_its_own_index_if_the_neighbor_is_not_a_center() {
        let positions = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let rows = vec![
            vec![edge_between(&positions, 0, 2), edge_between(&positions, 0, 1)],
            vec![edge_between(&positions, 1, 0), edge_between(&positions, 1, 2)],
        ];
        let graph = Graph::new(vec![1, 1, 8], vec![1.0, 0.0], rows);
        assert_eq!(graph.neighbors, [1, 2, 0, 2]);
        assert_eq!(graph.reverse, [2, 1, 0, 3]);
    }

    #[test]
    fn edges_to_images_are_matched_with_their_reverse_by_vector() {
        let rows = vec![[1.0, -1.0, 2.0, -2.0].map(|x| Edge { neighbor: 0, vector: [x, 0.0, 0.0] }).to_vec()];
        let graph = Graph::new(vec![1], vec![1.0], rows);
        for edge in 0..4 {
            assert_eq!(add(graph.vectors[edge], graph.vectors[graph.reverse[edge]]), [0.0; 3]);
        }
    }
}
