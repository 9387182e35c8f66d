//! The narrow edges: between two stages `PruneEdges` drops edges, for models with a separate cutoff per center or a fixed
//! number of neighbors, and `RestoreEdges` carries gradients back to the edges of the structure.

use std::borrow::Cow;
use std::sync::Arc;

use ort::session::SessionInputValue;
use ort::value::TensorRef;
use tumble_core::graph::Graph;
use tumble_core::potential::KeptEdges;

use crate::partition::tiles::Tiles;

/// A padding slot of a narrow row, in [`NarrowTile::slots`].
const PADDING: u32 = u32::MAX;

/// Faults of the marks of a model, as the rest of a sentence.
pub(crate) const OTHER_SIZE: &str = "its PruneEdges does not have one mark per edge slot";
const BEYOND_THE_LIST: &str =
    "its PruneEdges keeps an edge that is not in the neighbor list: combine the marks with the input mask";

/// The edges kept in both directions, in the tiles of their structure.
pub(crate) struct NarrowEdges {
    pub tiles: Tiles<'static>,
    layouts: Vec<NarrowTile>,
}

/// The layout of the narrow edges of a tile; C centers with L slots each.
struct NarrowTile {
    shape: [i64; 2],
    /// The slot of each narrow slot `[C·L]` among those of the structure `[C·K]`.
    slots: Vec<u32>,
    /// Whether a slot has an edge `[C·L]`.
    mask: Vec<bool>,
    /// Atoms of the tile `[C·L]`; 0 in padding.
    neighbors: Vec<i64>,
}

/// A tensor of the narrow edges that the driver provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NarrowInput {
    /// `[C, L]`, int64.
    Neighbors,
    /// `[C, L]`, bool.
    Mask,
}

impl NarrowEdges {
    /// Keeps the edges marked in both directions. `marked` are the marks of all edges `[E]`, `received` those from other
    /// ranks in the order of their rows, and `neighbors` the atoms of each tile, `[C·K]`.
    pub fn new<'t>(tiles: &Tiles, marked: &[bool], received: &[bool], neighbors: impl Fn(usize) -> &'t [i64]) -> Self {
        let graph = tiles.whole.as_ref();
        let reverse = |edge| tiles.received(edge).map_or_else(|| marked[graph.reverse[edge]], |place| received[place]);
        let kept: Vec<bool> = (0..graph.n_edges()).map(|edge| marked[edge] && reverse(edge)).collect();
        let narrow = Tiles::new(Cow::Owned(pruned(graph, &kept)), tiles.size());
        let layouts = (0..tiles.len()).map(|tile| NarrowTile::new(tiles, &narrow, tile, &kept, neighbors(tile)));
        Self { layouts: layouts.collect(), tiles: narrow }
    }

    /// Returns the number of edges, and the memory in use.
    pub fn count(&self) -> KeptEdges {
        let graph = &self.tiles.whole;
        let bytes = graph.bytes() + self.layouts.iter().map(NarrowTile::bytes).sum::<usize>();
        KeptEdges { edges: graph.n_edges(), bytes }
    }

    /// Returns the shape of a tensor of a tile with rows of this shape.
    pub fn shape(&self, tile: usize, row: &[i64]) -> Vec<i64> {
        [&self.layouts[tile].shape, row].concat()
    }

    /// Returns a tensor of a tile for ONNX Runtime, without a copy.
    pub fn view(&self, tile: usize, input: NarrowInput) -> ort::Result<SessionInputValue<'_>> {
        let NarrowTile { shape, mask, neighbors, .. } = &self.layouts[tile];
        Ok(match input {
            NarrowInput::Neighbors => TensorRef::from_array_view((shape.to_vec(), &**neighbors))?.into(),
            NarrowInput::Mask => TensorRef::from_array_view((shape.to_vec(), &**mask))?.into(),
        })
    }

    /// Copies rows of `width` numbers from the structure's slots to the narrow ones; padding gets the first row.
    pub fn prune<T: Copy>(&self, tile: usize, rows: &[T], width: usize, into: &mut [T]) {
        for (&slot, row) in self.layouts[tile].slots.iter().zip(into.chunks_exact_mut(width.max(1))) {
            let from = if slot == PADDING { 0 } else { slot as usize * width };
            row.copy_from_slice(&rows[from..from + width]);
        }
    }

    /// Copies rows from the narrow slots to the structure's; the others are `zero`.
    pub fn restore<T: Copy>(&self, tile: usize, rows: &[T], width: usize, zero: T, into: &mut [T]) {
        into.fill(zero);
        for (&slot, row) in self.layouts[tile].slots.iter().zip(rows.chunks_exact(width.max(1))) {
            if slot != PADDING {
                into[slot as usize * width..(slot as usize + 1) * width].copy_from_slice(row);
            }
        }
    }
}

impl NarrowTile {
    fn new(listed: &Tiles, narrow: &Tiles, tile: usize, kept: &[bool], atoms: &[i64]) -> Self {
        let (width, listed_width) = (narrow.width(tile), listed.width(tile));
        let centers = listed.centers(tile);
        let mut slots = vec![PADDING; centers.len() * width];
        for (row, center) in centers.clone().enumerate() {
            let edges = listed.whole.edges(center);
            let kept = edges.clone().filter(|&edge| kept[edge]);
            let found = kept.map(|edge| (row * listed_width + edge - edges.start) as u32);
            slots[row * width..].iter_mut().zip(found).for_each(|(slot, found)| *slot = found);
        }
        let mask: Vec<_> = slots.iter().map(|&slot| slot != PADDING).collect();
        let neighbors = slots.iter().map(|&slot| if slot == PADDING { 0 } else { atoms[slot as usize] }).collect();
        Self { shape: [centers.len() as i64, width as i64], slots, mask, neighbors }
    }

    /// Memory in use, bytes.
    fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.mask) + size_of_val(&*self.neighbors)
    }
}

/// Returns whether each edge of the graph is marked; `keep` has the marks of each tile, `[C·K]`.
///
/// # Errors
/// The fault of the marks, as the rest of a sentence.
pub(crate) fn marked(tiles: &Tiles, keep: &[&[u8]]) -> Result<Vec<bool>, &'static str> {
    let mut marked = Vec::with_capacity(tiles.whole.n_edges());
    for (tile, keep) in keep.iter().enumerate() {
        let (width, centers) = (tiles.width(tile), tiles.centers(tile));
        if keep.len() != width * centers.len() {
            return Err(OTHER_SIZE);
        }
        for (row, center) in centers.enumerate() {
            let (edges, padding) = keep[row * width..(row + 1) * width].split_at(tiles.whole.edges(center).len());
            if padding.iter().any(|&keep| keep != 0) {
                return Err(BEYOND_THE_LIST);
            }
            marked.extend(edges.iter().map(|&keep| keep != 0));
        }
    }
    Ok(marked)
}

/// Returns a graph with the kept edges only.
fn pruned(graph: &Graph, kept: &[bool]) -> Graph {
    // The number of kept edges before each edge, and of all.
    let mut before = vec![0; kept.len() + 1];
    for (edge, &kept) in kept.iter().enumerate() {
        before[edge + 1] = before[edge] + usize::from(kept);
    }
    let edges = || (0..kept.len()).filter(|&edge| kept[edge]);
    Graph {
        species: graph.species.clone(),
        weights: graph.weights.clone(),
        first_edge: graph.first_edge.iter().map(|&edge| before[edge]).collect(),
        neighbors: edges().map(|edge| graph.neighbors[edge]).collect(),
        vectors: edges().map(|edge| graph.vectors[edge]).collect(),
        reverse: edges().map(|edge| before[graph.reverse[edge]]).collect(),
        volume: graph.volume,
        conditions: graph.conditions,
        domain: graph.domain.as_ref().map(|domain| Arc::new(domain.pruned(kept, &before))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::graph::edge_between;

    /// A complete graph of four atoms, in two tiles; marks: edges with an even sum of atoms, and 0 -> 1.
    fn narrow() -> NarrowEdges {
        let positions: Vec<_> = (0..4).map(|atom| [f64::from(atom), 0.0, 0.0]).collect();
        let row = |a: usize| (0..4).filter(|&b| b != a).map(|b| edge_between(&positions, a, b)).collect();
        let graph = Graph::new(vec![1, 2, 3, 4], vec![1.0; 4], (0..4).map(row).collect());
        let tiles = Tiles::new(Cow::Owned(graph), 2);
        let marks = |a: usize| {
            (0..4).filter(move |&b| b != a).map(move |b| u8::from((a + b).is_multiple_of(2) || (a, b) == (0, 1)))
        };
        let keep: Vec<Vec<u8>> = [[0, 1], [2, 3]].map(|tile| tile.into_iter().flat_map(marks).collect()).into();
        let atoms: Vec<i64> = (10..16).collect();
        let keep_views: Vec<_> = keep.iter().map(|keep| &**keep).collect();
        NarrowEdges::new(&tiles, &marked(&tiles, &keep_views).unwrap(), &[], |_| &atoms)
    }

    #[test]
    fn edges_are_kept_in_both_directions_or_dropped() {
        let narrow = narrow();
        let graph = &narrow.tiles.whole;
        assert_eq!(
            (&*graph.first_edge, &*graph.neighbors, &*graph.reverse),
            (&[0, 1, 2, 3, 4][..], &[2, 3, 0, 1][..], &[2, 3, 0, 1][..])
        );
        assert_eq!(
            [&*narrow.layouts[0].slots, &*narrow.layouts[0].neighbors.iter().map(|&n| n as u32).collect::<Vec<_>>()],
            [&[1, 5], &[11, 15]]
        );
    }

    #[test]
    fn kept_edges_are_counted_with_their_memory() {
        let found = narrow().count();
        // Four edges and as many slots: neighbor, reversed edge and vector; slot, mask and neighbor.
        assert_eq!(found.edges, 4);
        assert!(found.bytes >= 4 * (8 + 8 + 24 + 4 + 1 + 8) && found.bytes < 1000, "{found:?}");
    }

    #[test]
    fn restoring_is_the_transpose_of_pruning() {
        let narrow = narrow();
        let (rows, mut kept, mut back) = ((0..12).collect::<Vec<i32>>(), [0; 4], [-1; 12]);
        narrow.prune(0, &rows, 2, &mut kept);
        assert_eq!(kept, [2, 3, 10, 11]);
        narrow.restore(0, &kept, 2, 0, &mut back);
        assert_eq!(back, [0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 10, 11]);
    }

    #[test]
    fn marks_of_another_size_are_refused() {
        let narrow = narrow();
        assert_eq!(marked(&narrow.tiles, &[&[1], &[1]]).err(), Some(OTHER_SIZE));
    }

    #[test]
    fn edges_beyond_the_list_are_refused() {
        let positions = [[0.0; 3], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]];
        let edge = |a, b| edge_between(&positions, a, b);
        let rows = vec![vec![edge(0, 1), edge(0, 2)], vec![edge(1, 0)], vec![edge(2, 0)]];
        let tiles = Tiles::new(Cow::Owned(Graph::new(vec![1; 3], vec![1.0; 3], rows)), 3);
        let found = |keep: &[u8]| marked(&tiles, &[keep]).err();
        assert_eq!(found(&[1, 1, 1, 0, 1, 0]), None);
        assert_eq!(found(&[1, 1, 1, 1, 1, 0]), Some(BEYOND_THE_LIST));
    }

    #[test]
    fn a_center_without_kept_edges_has_a_padding_slot() {
        let graph = Graph::new(vec![1], vec![1.0], vec![vec![]]);
        let tiles = Tiles::new(Cow::Owned(graph), 1);
        let narrow = NarrowEdges::new(&tiles, &[], &[], |_| &[7]);
        assert_eq!(
            (narrow.layouts[0].slots.len(), &*narrow.layouts[0].mask, &*narrow.layouts[0].neighbors),
            (1, &[false][..], &[0][..])
        );
    }
}
