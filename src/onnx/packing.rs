//! Replicas of a graph as one disconnected graph, written straight into the tensors of a model.
//!
//! A model wants its C centers to be the first of its N atoms. So the centers of all replicas come first, replica by
//! replica, and all the other atoms follow, replica by replica.

use ort::session::SessionInputValue;
use ort::value::{PrimitiveTensorElementType, TensorRef};

use super::metadata::Layout;
use super::signature::Input;
use crate::graph::Graph;
use crate::rotation::{Matrix3, apply, scale};

/// The precision of a model's tensors.
pub(super) trait Real: PrimitiveTensorElementType + Copy + std::fmt::Debug + 'static {
    /// The nearest number of this precision.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    fn from_f64(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// The tensors of one evaluation; buffers are kept from one to the next.
///
/// With R replicas of a graph of N atoms, C centers and S edge slots: S = E in the list layout, and S = C·K in the
/// padded one, where K is the largest number of neighbors of a center, at least 1.
#[derive(Debug)]
pub(super) struct Tensors<T> {
    layout: Layout,
    /// Cutoff in the model's unit: the length of padding.
    cutoff: f64,
    /// Å per length unit of the model.
    angstrom: f64,
    /// R v in the model's length unit, frame of the replica, `[R·S, 3]`.
    pub edge_vectors: Vec<T>,
    /// `[R·S]`, list layout only.
    pub centers: Vec<i64>,
    /// `[R·S]`; 0 in padding.
    pub neighbors: Vec<i64>,
    /// Slot of the reversed edge `[R·S]`; its own where there is none, and in padding.
    pub reverse: Vec<i64>,
    /// Whether a slot holds an edge `[R·S]`, padded layout only.
    pub mask: Vec<bool>,
    /// Atomic numbers `[R·N]`.
    pub species: Vec<i64>,
    /// `[R·C]`.
    pub weights: Vec<T>,
    /// The replica of each atom `[R·N]`.
    pub replica: Vec<i64>,
    /// The slot of each edge within its replica `[E]`.
    pub slots: Vec<usize>,
    /// R, C, K.
    counts: [usize; 3],
}

impl<T: Real> Tensors<T> {
    /// Empty tensors. `cutoff` is in the model's length unit, which measures `angstrom` Å.
    pub fn new(layout: Layout, cutoff: f64, angstrom: f64) -> Self {
        Self {
            layout,
            cutoff,
            angstrom,
            edge_vectors: Vec::new(),
            centers: Vec::new(),
            neighbors: Vec::new(),
            reverse: Vec::new(),
            mask: Vec::new(),
            species: Vec::new(),
            weights: Vec::new(),
            replica: Vec::new(),
            slots: Vec::new(),
            counts: [0; 3],
        }
    }

    /// Fills the tensors with one replica of the graph for each rotation.
    pub fn pack(&mut self, graph: &Graph, rotations: &[Matrix3]) {
        let width = graph.max_neighbors().max(1);
        self.counts = [rotations.len(), graph.n_centers(), width];
        self.slots.clear();
        let slot = |(center, edge)| match self.layout {
            Layout::List => edge,
            Layout::Padded => center * width + edge - graph.first_edge[center],
        };
        self.slots.extend(graph.center_edges().map(slot));
        let slots = n_slots(graph, self.layout);
        self.pack_atoms(graph, rotations.len());
        self.pack_edges(graph, rotations.len(), slots);
        self.pack_vectors(graph, rotations, slots);
        debug_assert!(self.neighbors.iter().all(|&n| n < self.species.len() as i64));
        debug_assert!((0..self.reverse.len()).all(|e| self.reverse[self.reverse[e] as usize] == e as i64));
    }

    fn pack_atoms(&mut self, graph: &Graph, replicas: usize) {
        let (centers, others) = graph.species.split_at(graph.n_centers());
        self.species.clear();
        self.replica.clear();
        self.weights.clear();
        for part in [centers, others] {
            for replica in 0..replicas {
                self.species.extend(part.iter().map(|&z| i64::from(z)));
                self.replica.extend(part.iter().map(|_| replica as i64));
            }
        }
        for _ in 0..replicas {
            self.weights.extend(graph.weights.iter().map(|&w| T::from_f64(w)));
        }
    }

    fn pack_edges(&mut self, graph: &Graph, replicas: usize, slots: usize) {
        refill(&mut self.neighbors, replicas * slots, |_| 0);
        refill(&mut self.reverse, replicas * slots, |slot| slot as i64);
        refill(&mut self.centers, if self.layout == Layout::List { replicas * slots } else { 0 }, |_| 0);
        refill(&mut self.mask, if self.layout == Layout::Padded { replicas * slots } else { 0 }, |_| false);
        for replica in 0..replicas {
            for (center, edge) in graph.center_edges() {
                let slot = replica * slots + self.slots[edge];
                self.neighbors[slot] = packed_atom(graph, replicas, replica, graph.neighbors[edge]) as i64;
                self.reverse[slot] = (replica * slots + self.slots[graph.reverse[edge]]) as i64;
                match self.layout {
                    Layout::List => self.centers[slot] = (replica * graph.n_centers() + center) as i64,
                    Layout::Padded => self.mask[slot] = true,
                }
            }
        }
    }

    fn pack_vectors(&mut self, graph: &Graph, rotations: &[Matrix3], slots: usize) {
        let padding = [self.cutoff, 0.0, 0.0].map(T::from_f64);
        refill(&mut self.edge_vectors, 3 * rotations.len() * slots, |i| padding[i % 3]);
        for (replica, rotation) in rotations.iter().enumerate() {
            let turn = rotation.map(|row| scale(row, 1.0 / self.angstrom));
            for (&vector, slot) in graph.vectors.iter().zip(&self.slots) {
                let start = 3 * (replica * slots + slot);
                self.edge_vectors[start..start + 3].copy_from_slice(&apply(&turn, vector).map(T::from_f64));
            }
        }
    }

    /// Shape of a tensor with one entry per edge slot.
    pub fn edge_shape(&self) -> Vec<i64> {
        let [replicas, centers, width] = self.counts.map(|n| n as i64);
        match self.layout {
            Layout::List => vec![self.neighbors.len() as i64],
            Layout::Padded => vec![replicas * centers, width],
        }
    }

    /// Shape of a tensor with one vector per edge slot.
    pub fn vector_shape(&self) -> Vec<i64> {
        [self.edge_shape(), vec![3]].concat()
    }

    /// Number of replicas R.
    pub fn n_replicas(&self) -> usize {
        self.counts[0]
    }

    /// One input as ONNX Runtime takes it, without a copy.
    pub fn view(&self, input: Input) -> ort::Result<SessionInputValue<'_>> {
        let (atoms, centers) = (vec![self.species.len() as i64], vec![self.weights.len() as i64]);
        Ok(match input {
            Input::EdgeVectors => TensorRef::from_array_view((self.vector_shape(), &*self.edge_vectors))?.into(),
            Input::Centers => TensorRef::from_array_view((self.edge_shape(), &*self.centers))?.into(),
            Input::Neighbors => TensorRef::from_array_view((self.edge_shape(), &*self.neighbors))?.into(),
            Input::Reverse => TensorRef::from_array_view((self.edge_shape(), &*self.reverse))?.into(),
            Input::Mask => TensorRef::from_array_view((self.edge_shape(), &*self.mask))?.into(),
            Input::Species => TensorRef::from_array_view((atoms, &*self.species))?.into(),
            Input::Weights => TensorRef::from_array_view((centers, &*self.weights))?.into(),
            Input::Replica => TensorRef::from_array_view((atoms, &*self.replica))?.into(),
        })
    }
}

/// Number of edge slots S of one replica.
pub(super) fn n_slots(graph: &Graph, layout: Layout) -> usize {
    match layout {
        Layout::List => graph.n_edges(),
        Layout::Padded => graph.n_centers() * graph.max_neighbors().max(1),
    }
}

/// Index of an atom of a replica among the atoms of all replicas.
fn packed_atom(graph: &Graph, replicas: usize, replica: usize, atom: usize) -> usize {
    let centers = graph.n_centers();
    if atom < centers {
        return replica * centers + atom;
    }
    replicas * centers + replica * (graph.n_atoms() - centers) + atom - centers
}

fn refill<V>(buffer: &mut Vec<V>, length: usize, value: impl Fn(usize) -> V) {
    buffer.clear();
    buffer.extend((0..length).map(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::edge_between;
    use crate::rotation::IDENTITY;

    /// A quarter turn about z: x -> y.
    const QUARTER: Matrix3 = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];

    /// Centers O (two edges) and H (one edge), and a H that is a neighbor of O only.
    fn graph() -> Graph {
        let positions = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]];
        let rows = vec![
            vec![edge_between(&positions, 0, 1), edge_between(&positions, 0, 2)],
            vec![edge_between(&positions, 1, 0)],
        ];
        Graph::new(vec![8, 1, 1], vec![1.0, 0.0], rows)
    }

    fn packed(layout: Layout) -> Tensors<f64> {
        let mut tensors = Tensors::new(layout, 4.0, 0.5);
        tensors.pack(&graph(), &[IDENTITY, QUARTER]);
        tensors
    }

    #[test]
    fn atoms_are_all_centers_and_then_all_others() {
        let tensors = packed(Layout::List);
        assert_eq!(tensors.species, [8, 1, 8, 1, 1, 1]);
        assert_eq!(tensors.replica, [0, 0, 1, 1, 0, 1]);
        assert_eq!(tensors.weights, [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_list_has_one_row_per_edge_in_the_units_of_the_model() {
        let tensors = packed(Layout::List);
        assert_eq!(tensors.centers, [0, 0, 1, 2, 2, 3]);
        assert_eq!(tensors.neighbors, [1, 4, 0, 3, 5, 2]);
        assert_eq!(tensors.reverse, [2, 1, 0, 5, 4, 3]);
        assert!(tensors.mask.is_empty());
        assert_eq!(tensors.vector_shape(), [6, 3]);
        let rows =
            [[2.0, 0.0, 0.0], [0.0, 0.0, 4.0], [-2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0], [0.0, -2.0, 0.0]];
        assert_eq!(tensors.edge_vectors, rows.concat());
    }

    #[test]
    fn padding_has_the_length_of_the_cutoff_and_reverses_to_itself() {
        let tensors = packed(Layout::Padded);
        assert!(tensors.centers.is_empty());
        assert_eq!(tensors.neighbors, [1, 4, 0, 0, 3, 5, 2, 0]);
        assert_eq!(tensors.mask, [true, true, true, false, true, true, true, false]);
        assert_eq!(tensors.reverse, [2, 1, 0, 3, 6, 5, 4, 7]);
        assert_eq!(tensors.vector_shape(), [4, 2, 3]);
        assert_eq!(tensors.edge_vectors[9..12], [4.0, 0.0, 0.0]);
        assert_eq!(tensors.edge_vectors[12..18], [0.0, 2.0, 0.0, 0.0, 0.0, 4.0]);
    }

    #[test]
    fn a_smaller_graph_leaves_nothing_of_a_larger_one_behind() {
        let mut tensors = packed(Layout::Padded);
        tensors.pack(&Graph::new(vec![1], vec![1.0], vec![vec![]]), &[IDENTITY]);
        assert_eq!((tensors.neighbors, tensors.reverse, tensors.mask), (vec![0], vec![0], vec![false]));
        assert_eq!((tensors.species, tensors.edge_vectors, tensors.slots), (vec![1], vec![4.0, 0.0, 0.0], vec![]));
    }
}
