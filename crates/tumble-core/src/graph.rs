//! The neighbor graph: what every front end hands to the calculation, and all that a model is shown.
//!
//! A neighbor list does not change when the structure is rotated, so rotating a structure means rotating the edge
//! vectors of its graph and nothing else.

mod extremes;
mod halves;

use std::ops::Range;

pub(crate) use halves::Joiner;

use crate::rotation::{Vector3, add, dot, sub};

/// Directed edges from C centers to their neighbors among N atoms, sorted by center, then neighbor, then cell shift
/// (where it is known) or vector.
///
/// The centers are the first C of the atoms. Under domain decomposition they are the rank's own atoms (weight 1)
/// followed by the ghosts whose messages reach them (weight 0); the other N - C atoms are neighbors only.
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
    /// `x[neighbor] - x[center]` of the image meant, laboratory frame, Å; `[E]`.
    pub vectors: Vec<Vector3>,
    /// The reversed edge of each edge, its own index where the reversed edge is not in the graph; `[E]`.
    pub reverse: Vec<usize>,
    /// Volume of the periodic cell, Å^3, where the whole structure is here and has one.
    pub volume: Option<f64>,
}

/// One edge, before it is sorted into a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Index of the neighbor among the N atoms.
    pub neighbor: usize,
    /// `x[neighbor] - x[center]`, Å.
    pub vector: Vector3,
}

/// Edges of one center after the other, as a graph holds them.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    first_edge: Vec<usize>,
    neighbors: Vec<usize>,
    vectors: Vec<Vector3>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { first_edge: vec![0], neighbors: Vec::new(), vectors: Vec::new() }
    }
}

impl Rows {
    /// Forgets all rows, but not their memory.
    pub fn clear(&mut self) {
        self.first_edge.truncate(1);
        self.neighbors.clear();
        self.vectors.clear();
    }

    /// Makes room for more.
    pub fn reserve(&mut self, rows: usize, edges: usize) {
        self.first_edge.reserve(rows);
        self.neighbors.reserve(edges);
        self.vectors.reserve(edges);
    }

    /// Adds an edge to the row.
    #[inline]
    pub fn push(&mut self, edge: Edge) {
        self.neighbors.push(edge.neighbor);
        self.vectors.push(edge.vector);
    }

    /// Ends the row.
    #[inline]
    pub fn end(&mut self) {
        self.first_edge.push(self.neighbors.len());
    }

    /// Memory that they have taken.
    pub(crate) fn bytes(&self) -> usize {
        let whole = self.first_edge.capacity() + self.neighbors.capacity();
        whole * size_of::<usize>() + self.vectors.capacity() * size_of::<Vector3>()
    }

    fn edges(&self, row: usize) -> Range<usize> {
        self.first_edge[row]..self.first_edge[row + 1]
    }

    /// Adds rows that follow.
    pub fn append(&mut self, mut more: Self) {
        let before = self.neighbors.len();
        self.first_edge.extend(more.first_edge[1..].iter().map(|edge| before + edge));
        self.neighbors.append(&mut more.neighbors);
        self.vectors.append(&mut more.vectors);
    }
}

/// Two edges are each other's reverse if their vectors cancel to within this, Å. Far above rounding in any box, far
/// below the distance of two images of one atom.
const REVERSE_TOLERANCE: f64 = 1e-4;

impl Graph {
    /// A graph from the edges of each center, in any order. `species` is `[N]`, `weights` and `rows` are `[C]`, C <= N.
    pub fn new(species: Vec<u8>, weights: Vec<f64>, mut rows: Vec<Vec<Edge>>) -> Self {
        for row in &mut rows {
            row.sort_by(|a, b| a.neighbor.cmp(&b.neighbor).then_with(|| compare(a.vector, b.vector)));
        }
        Self::from_sorted(species, weights, &rows)
    }

    /// A graph from rows sorted by neighbor. The order of several images of a neighbor is kept: who knows their cell
    /// shifts can give one that does not depend on the rounding of the vectors.
    pub(crate) fn from_sorted(species: Vec<u8>, weights: Vec<f64>, rows: &[Vec<Edge>]) -> Self {
        let mut flat = Rows::default();
        for row in rows {
            row.iter().for_each(|edge| flat.push(*edge));
            flat.end();
        }
        let Rows { first_edge, neighbors, vectors } = flat;
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

    /// Edges of one center.
    #[inline]
    pub fn edges(&self, center: usize) -> Range<usize> {
        self.first_edge[center]..self.first_edge[center + 1]
    }

    /// (center, edge) of every edge, in order.
    #[inline]
    pub fn center_edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.n_centers()).flat_map(|center| self.edges(center).map(move |edge| (center, edge)))
    }

    /// Largest number of neighbors of a center.
    pub fn max_neighbors(&self) -> usize {
        self.first_edge.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }

    /// Memory that it has taken, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let whole = self.first_edge.capacity() + self.neighbors.capacity() + self.reverse.capacity();
        let per_atom = self.species.capacity() + self.weights.capacity() * size_of::<f64>();
        per_atom + whole * size_of::<usize>() + self.vectors.capacity() * size_of::<Vector3>()
    }

    /// Pairs the edges in time linear in their number: as the center grows, what is sought in a row only moves on.
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

    /// The edge back to `center` at the head of part of a row, or `edge` itself if it is not there.
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

/// Edge vector of a pair without periodic images; a convenience for tests and small molecules.
pub fn edge_between(positions: &[Vector3], center: usize, neighbor: usize) -> Edge {
    Edge { neighbor, vector: sub(positions[neighbor], positions[center]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_is_an_involution_and_points_to_itself_where_the_neighbor_is_no_center() {
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
    fn images_of_an_atom_are_reversed_by_their_vector() {
        let rows = vec![[1.0, -1.0, 2.0, -2.0].map(|x| Edge { neighbor: 0, vector: [x, 0.0, 0.0] }).to_vec()];
        let graph = Graph::new(vec![1], vec![1.0], rows);
        for edge in 0..4 {
            assert_eq!(add(graph.vectors[edge], graph.vectors[graph.reverse[edge]]), [0.0; 3]);
        }
    }
}
