//! Tiles: consecutive centers as graphs of their own, and their rows in a model's tensors.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use tumble_core::graph::Graph;

/// A graph, divided into tiles of the same number of centers.
pub(crate) struct Tiles<'a> {
    pub whole: Cow<'a, Graph>,
    /// Centers per tile; the last may have fewer.
    size: usize,
    /// Slots per center, by tile: the largest number of neighbors there, at least 1.
    widths: Vec<usize>,
    /// Rows of reversed edges, by tile and kind of rows.
    reversed: Vec<[OnceLock<Vec<Reversed>>; Rows::ALL.len()]>,
    /// Place of each edge's reverse among the rows from other ranks, [`HERE`] if it is on this rank; empty if the graph
    /// is not shared with other ranks.
    received: Vec<u32>,
}

/// No place among the rows from other ranks, in [`Tiles::received`].
const HERE: u32 = u32::MAX;

/// The kind of rows of a tile's tensor. A partitioned model exchanges tensors of these kinds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One row per edge; the first slot has a row even if it is padding.
    Edges,
    /// One row per center, then the rows of [`Rows::Edges`].
    CentersAndEdges,
    /// One row per slot.
    Slots,
}

/// An edge with a reversed edge: its row, and the tile (`other`) and row (`back`) of the reversed edge. The rows from
/// other ranks count as one more tile.
#[derive(Clone, Copy)]
pub(crate) struct Reversed {
    pub row: u32,
    pub other: u32,
    pub back: u32,
}

impl Rows {
    pub const ALL: [Self; 3] = [Self::Edges, Self::CentersAndEdges, Self::Slots];
}

impl<'a> Tiles<'a> {
    /// Divides a graph into tiles of at most `size` centers.
    pub fn new(graph: Cow<'a, Graph>, size: usize) -> Self {
        let count = graph.n_centers().div_ceil(size);
        let reversed = (0..count).map(|_| Default::default()).collect();
        let received = received(&graph);
        let mut tiles = Self { whole: graph, size, widths: Vec::new(), reversed, received };
        let width = |tile| tiles.centers(tile).map(|c| tiles.whole.edges(c).len()).max().unwrap_or(0).max(1);
        tiles.widths = (0..count).map(width).collect();
        tiles
    }

    /// Returns the number of centers per tile; the last may have fewer.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the number of slots per center of a tile.
    pub fn width(&self, tile: usize) -> usize {
        self.widths[tile]
    }

    /// Returns the number of tiles.
    pub fn len(&self) -> usize {
        self.widths.len()
    }

    /// Returns the centers of a tile.
    pub fn centers(&self, tile: usize) -> Range<usize> {
        tile * self.size..self.whole.n_centers().min((tile + 1) * self.size)
    }

    fn edges(&self, tile: usize) -> Range<usize> {
        let centers = self.centers(tile);
        self.whole.first_edge[centers.start]..self.whole.first_edge[centers.end]
    }

    /// Returns a tile as a graph of its own, with one atom per edge for the species of the neighbor.
    pub fn graph(&self, tile: usize) -> Graph {
        let (centers, edges, whole) = (self.centers(tile), self.edges(tile), &self.whole);
        let others = whole.neighbors[edges.clone()].iter().map(|&neighbor| whole.species[neighbor]);
        Graph {
            species: whole.species[centers.clone()].iter().copied().chain(others).collect(),
            weights: whole.weights[centers.clone()].to_vec(),
            first_edge: whole.first_edge[centers.start..=centers.end].iter().map(|first| first - edges.start).collect(),
            neighbors: (centers.len()..centers.len() + edges.len()).collect(),
            vectors: whole.vectors[edges.clone()].to_vec(),
            reverse: (0..edges.len()).collect(),
            volume: whole.volume,
            conditions: whole.conditions,
            domain: None,
        }
    }

    /// Returns the number of atoms of a tile's [`Self::graph`].
    pub fn n_atoms(&self, tile: usize) -> usize {
        self.centers(tile).len() + self.edges(tile).len()
    }

    /// Returns the tile and, among its centers, the place of an atom of a tile's [`Self::graph`]: of a center, or of the
    /// neighbor at the end of an edge. A neighbor on another rank is in one more tile, of the centers received. If the
    /// neighbor is no center at all, it returns the edge's own center.
    pub fn center_of_atom(&self, tile: usize, atom: usize) -> (usize, usize) {
        let centers = self.centers(tile);
        let Some(edge) = atom.checked_sub(centers.len()) else { return (tile, atom) };
        let edge = self.edges(tile).start + edge;
        let neighbor = self.whole.neighbors[edge];
        if neighbor < self.whole.n_centers() {
            return self.place_of_center(neighbor);
        }
        let domain = self.whole.domain.as_ref();
        if let Some(place) = domain.and_then(|domain| domain.ghosts[neighbor - self.whole.n_centers()]) {
            return (self.len(), place);
        }
        let after = self.whole.first_edge[centers.start..=centers.end].partition_point(|&first| first <= edge);
        (tile, after - 1)
    }

    /// Returns the shape of a tile's tensor with rows of this shape per slot.
    pub fn slot_shape(&self, tile: usize, row: &[i64]) -> Vec<i64> {
        [&[self.centers(tile).len() as i64, self.widths[tile] as i64], row].concat()
    }

    /// Returns the number of rows of a tile's tensor.
    pub fn n_rows(&self, tile: usize, rows: Rows) -> usize {
        let (centers, edges) = (self.centers(tile).len(), self.edges(tile).len() + self.shift(tile));
        match rows {
            Rows::Edges => edges,
            Rows::CentersAndEdges => centers + edges,
            Rows::Slots => centers * self.widths[tile],
        }
    }

    /// Returns 1 if the first slot of a tile is padding (it still has a row), and 0 otherwise.
    fn shift(&self, tile: usize) -> usize {
        usize::from(self.whole.edges(self.centers(tile).start).is_empty())
    }

    /// Returns the rows of the reversed edges of a tile, in ascending order of the edges' rows; edges without a
    /// reversed edge are left out.
    pub fn reversed(&self, tile: usize, rows: Rows) -> &[Reversed] {
        self.reversed[tile][rows as usize].get_or_init(|| {
            let edges = |center| self.whole.edges(center).map(move |edge| (center, edge));
            self.centers(tile).flat_map(edges).filter_map(|(c, edge)| self.reversed_edge(tile, c, edge, rows)).collect()
        })
    }

    fn reversed_edge(&self, tile: usize, center: usize, edge: usize, rows: Rows) -> Option<Reversed> {
        let (back, neighbor) = (self.whole.reverse[edge], self.whole.neighbors[edge]);
        let row = |tile, center, edge| self.row(tile, center, edge, rows) as u32;
        if let Some(back) = self.received(edge) {
            return Some(Reversed { row: row(tile, center, edge), other: self.len() as u32, back: back as u32 });
        }
        let other = neighbor / self.size;
        let places =
            || Reversed { row: row(tile, center, edge), other: other as u32, back: row(other, neighbor, back) };
        (back != edge).then(places)
    }

    /// Returns the place of an edge's reverse among the rows from other ranks; `None` if it is on this rank.
    pub fn received(&self, edge: usize) -> Option<usize> {
        self.received.get(edge).filter(|&&place| place != HERE).map(|&place| place as usize)
    }

    /// Returns the tile of an edge, and its row there.
    pub fn place(&self, edge: usize, rows: Rows) -> (usize, usize) {
        let center = self.whole.first_edge.partition_point(|&first| first <= edge) - 1;
        let tile = center / self.size;
        (tile, self.row(tile, center, edge, rows))
    }

    /// Returns the tile of a center, and its row there.
    pub fn place_of_center(&self, center: usize) -> (usize, usize) {
        (center / self.size, center % self.size)
    }

    fn row(&self, tile: usize, center: usize, edge: usize, rows: Rows) -> usize {
        let among_edges = || edge - self.edges(tile).start + self.shift(tile);
        match rows {
            Rows::Edges => among_edges(),
            Rows::CentersAndEdges => self.centers(tile).len() + among_edges(),
            Rows::Slots => {
                let first = self.whole.first_edge[center];
                (center - self.centers(tile).start) * self.widths[tile] + edge - first
            }
        }
    }
}

/// Returns the place of each edge's reverse among the rows from other ranks.
fn received(graph: &Graph) -> Vec<u32> {
    let Some(domain) = &graph.domain else { return Vec::new() };
    let (mut places, mut before) = (vec![HERE; graph.n_edges()], 0);
    for border in &domain.borders {
        let pairs = border.edges.iter().zip(&border.reversed);
        pairs.for_each(|(&edge, &reversed)| places[edge] = (before + reversed) as u32);
        before += border.edges.len();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::graph::edge_between;

    /// A chain of six atoms, bonded to the next; the third has no neighbors.
    fn chain() -> Graph {
        let positions: Vec<_> = (0..6).map(|atom| [f64::from(atom), 0.0, 0.0]).collect();
        let near = |a: usize, b: usize| a.abs_diff(b) == 1 && a != 2 && b != 2;
        let row = |a: usize| (0..6).filter(|&b| near(a, b)).map(|b| edge_between(&positions, a, b)).collect();
        Graph::new(vec![1, 2, 3, 4, 5, 6], vec![1.0; 6], (0..6).map(row).collect())
    }

    #[test]
    fn tile_has_its_centers_and_an_atom_per_edge() {
        let graph = chain();
        let tiles = Tiles::new(Cow::Borrowed(&graph), 4);
        assert_eq!(tiles.len(), 2);
        let first = tiles.graph(0);
        assert_eq!((first.species, first.first_edge), (vec![1, 2, 3, 4, 2, 1, 5], vec![0, 1, 2, 2, 3]));
        assert_eq!((first.neighbors, first.reverse), (vec![4, 5, 6], vec![0, 1, 2]));
        let last = tiles.graph(1);
        assert_eq!((last.species, last.first_edge), (vec![5, 6, 4, 6, 5], vec![0, 2, 3]));
        assert_eq!(last.vectors, graph.vectors[3..]);
    }

    #[test]
    fn atoms_of_a_tile_are_its_centers_and_the_neighbors_of_its_edges() {
        let mut graph = chain();
        let tiles = Tiles::new(Cow::Borrowed(&graph), 2);
        let places = |tile: usize| (0..tiles.n_atoms(tile)).map(|atom| tiles.center_of_atom(tile, atom)).collect();
        let found: Vec<Vec<_>> = (0..3).map(places).collect();
        // Edges: 0-1, 1-0; 3-4; 4-3, 4-5, 5-4.
        assert_eq!(found[0], [(0, 0), (0, 1), (0, 1), (0, 0)]);
        assert_eq!(found[1], [(1, 0), (1, 1), (2, 0)]);
        assert_eq!(found[2], [(2, 0), (2, 1), (1, 1), (2, 1), (2, 0)]);
        // The last atom is no center any more: the edge 4-5 has its own center.
        graph.weights.pop();
        graph.first_edge.pop();
        let tiles = Tiles::new(Cow::Borrowed(&graph), 2);
        assert_eq!((tiles.center_of_atom(2, 1), tiles.center_of_atom(2, 2)), ((1, 1), (2, 0)));
    }

    #[test]
    fn rows_are_counted_by_edge_by_center_and_edge_or_by_slot() {
        let graph = chain();
        let tiles = Tiles::new(Cow::Borrowed(&graph), 2);
        let counts = |tile| Rows::ALL.map(|rows| tiles.n_rows(tile, rows));
        // Edges: 0-1, 1-0; 3-4 only, after a padded first slot; 4-3, 4-5, 5-4.
        assert_eq!([counts(0), counts(1), counts(2)], [[2, 4, 2], [2, 4, 2], [3, 5, 4]]);
        let places = |&Reversed { row, other, back }: &Reversed| (row, other, back);
        let reversed = |tile, rows| tiles.reversed(tile, rows).iter().map(places).collect::<Vec<_>>();
        assert_eq!(reversed(0, Rows::Edges), [(0, 0, 1), (1, 0, 0)]);
        assert_eq!(reversed(1, Rows::Edges), [(1, 2, 0)]);
        assert_eq!(reversed(2, Rows::Edges), [(0, 1, 1), (1, 2, 2), (2, 2, 1)]);
        assert_eq!(reversed(2, Rows::CentersAndEdges), [(2, 1, 3), (3, 2, 4), (4, 2, 3)]);
        assert_eq!(reversed(2, Rows::Slots), [(0, 1, 1), (1, 2, 2), (2, 2, 1)]);
    }

    #[test]
    fn edge_without_a_reversed_edge_keeps_its_row() {
        let positions = [[0.0; 3], [1.0, 0.0, 0.0]];
        let graph = Graph::new(vec![1, 1], vec![1.0], vec![vec![edge_between(&positions, 0, 1)]]);
        assert!(Tiles::new(Cow::Borrowed(&graph), 1).reversed(0, Rows::Edges).is_empty());
    }
}
