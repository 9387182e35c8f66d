//! Packing of replicas into the input tensors of a model, as one disconnected graph.
//!
//! The contract wants the C centers to be the first of the N atoms. So the centers of all replicas of all graphs come
//! first, replica by replica, and all other atoms follow, replica by replica.

use std::iter::repeat_n;
use std::ops::Range;

use ort::session::SessionInputValue;
use ort::value::TensorRef;
use tumble_core::conditions::Conditions;
use tumble_core::graph::Graph;
use tumble_core::potential::Replicas;
use tumble_core::rotation::{Matrix3, apply, scale};
use tumble_ops::Real;

use crate::contract::metadata::{Layout, Metadata};
use crate::contract::signature::Input;

/// The input tensors of one evaluation; the next one reuses the buffers.
/// Sums Σ are over all B replicas of all graphs. A replica of a graph with N atoms, C centers and E edges has S edge
/// slots: S = E in the list layout and S = C·K in the padded layout. K is the largest number of neighbors of any center
/// of any graph, at least 1.
#[derive(Debug)]
pub struct Tensors<T> {
    layout: Layout,
    /// Cutoff in the model's unit: the length of padding.
    cutoff: f64,
    /// Å per length unit of the model.
    angstrom: f64,
    /// V/Å per unit of the electric field of the model.
    volt_per_angstrom: f64,
    /// Rotated edge vectors R v `[ΣS]`, in the model's length unit and the frame of the replica.
    pub edge_vectors: Vec<[T; 3]>,
    /// Center of each edge `[ΣS]`, list layout only.
    pub centers: Vec<i64>,
    /// Neighbor of each slot `[ΣS]`; 0 in padding.
    pub neighbors: Vec<i64>,
    /// Slot of the reversed edge `[ΣS]`; the slot itself in padding and for edges without a reversed edge.
    pub reverse: Vec<i64>,
    /// Whether a slot holds an edge `[ΣS]`, padded layout only.
    pub mask: Vec<bool>,
    /// Atomic numbers `[ΣN]`.
    pub species: Vec<i64>,
    /// Weight of each center in the energy `[ΣC]`.
    pub weights: Vec<T>,
    /// Replica of each atom `[ΣN]`.
    pub replica: Vec<i64>,
    /// Total charge of the structure of each center `[ΣC]`; 0 if it is not given.
    pub charge: Vec<T>,
    /// Spin multiplicity of the structure of each center `[ΣC]`; 1 if it is not given.
    pub spin: Vec<T>,
    /// Electric field at each center `[ΣC]`, in the model's unit and the frame of the replica; 0 if it is not given.
    pub field: Vec<[T; 3]>,
    /// Volume of the cell of each center `[ΣC]`, in the model's unit; 1 for a structure without a volume.
    pub volume: Vec<T>,
    /// Slot of each edge within a replica of its graph, graph by graph `[ΣE over graphs]`.
    slots: Vec<usize>,
    /// Ranges of each replica `[B]`.
    places: Vec<ReplicaRanges>,
    /// K.
    width: usize,
}

/// The ranges of a replica in the tensors.
#[derive(Debug)]
struct ReplicaRanges {
    /// Its centers among all centers, and so among all atoms.
    centers: Range<usize>,
    /// Index among all atoms of its first atom beyond the centers.
    first_other: usize,
    /// Its slots among all edge slots.
    slots: Range<usize>,
    /// The edges of its graph, in [`Tensors::slots`].
    edges: Range<usize>,
}

impl<T: Real> Tensors<T> {
    /// Creates empty tensors for a model.
    pub fn of(metadata: &Metadata) -> Self {
        let angstrom = metadata.length_unit.angstrom();
        let volt_per_angstrom = metadata.energy_unit.electron_volt() / angstrom;
        Self { volt_per_angstrom, ..Self::new(metadata.layout, metadata.cutoff, angstrom) }
    }

    /// Creates empty tensors. `cutoff` is in the model's length unit, and `angstrom` is this unit in Å.
    pub fn new(layout: Layout, cutoff: f64, angstrom: f64) -> Self {
        Self {
            layout,
            cutoff,
            angstrom,
            volt_per_angstrom: 1.0,
            edge_vectors: Vec::new(),
            centers: Vec::new(),
            neighbors: Vec::new(),
            reverse: Vec::new(),
            mask: Vec::new(),
            species: Vec::new(),
            weights: Vec::new(),
            replica: Vec::new(),
            charge: Vec::new(),
            spin: Vec::new(),
            field: Vec::new(),
            volume: Vec::new(),
            slots: Vec::new(),
            places: Vec::new(),
            width: 1,
        }
    }

    /// Fills the tensors with one replica of each graph for each of its rotations.
    pub fn pack(&mut self, work: &[Replicas]) {
        self.width = work.iter().map(|part| width(part.graph)).max().unwrap_or(1);
        self.lay_out(work);
        self.pack_atoms(work);
        self.pack_edges(work);
        self.pack_vectors(work);
        self.pack_conditions(work);
        debug_assert!(self.neighbors.iter().all(|&n| n < self.species.len() as i64));
        debug_assert!((0..self.reverse.len()).all(|e| self.reverse[self.reverse[e] as usize] == e as i64));
    }

    fn lay_out(&mut self, work: &[Replicas]) {
        self.slots.clear();
        self.places.clear();
        let (mut center, mut slot) = (0, 0);
        let mut other = work.iter().map(|part| part.rotations.len() * part.graph.n_centers()).sum();
        for &Replicas { graph, rotations } in work {
            let (centers, others) = (graph.n_centers(), graph.n_atoms() - graph.n_centers());
            let (edges, slots) = (self.add_slots(graph), n_slots(graph, self.layout, self.width));
            for _ in rotations {
                let (centers, slots) = (center..center + centers, slot..slot + slots);
                (center, slot) = (centers.end, slots.end);
                self.places.push(ReplicaRanges { centers, first_other: other, slots, edges: edges.clone() });
                other += others;
            }
        }
    }

    /// Appends the slots of a graph's edges to [`Tensors::slots`]; returns their range there.
    fn add_slots(&mut self, graph: &Graph) -> Range<usize> {
        let (start, width) = (self.slots.len(), self.width);
        match self.layout {
            Layout::List => self.slots.extend(0..graph.n_edges()),
            Layout::Padded => {
                self.slots.extend(graph.center_edges().map(|(c, edge)| c * width + edge - graph.first_edge[c]));
            }
        }
        start..self.slots.len()
    }

    fn pack_atoms(&mut self, work: &[Replicas]) {
        self.species.clear();
        self.replica.clear();
        self.weights.clear();
        for pick in [centers_of, others_of] {
            for (index, (graph, _)) in replicas(work).enumerate() {
                let part = pick(graph);
                self.species.extend(part.iter().map(|&z| i64::from(z)));
                self.replica.extend(part.iter().map(|_| index as i64));
            }
        }
        for (graph, _) in replicas(work) {
            self.weights.extend(graph.weights.iter().map(|&w| T::from_f64(w)));
        }
    }

    fn pack_edges(&mut self, work: &[Replicas]) {
        let slots = self.n_slots();
        refill(&mut self.neighbors, slots, |_| 0);
        refill(&mut self.reverse, slots, |slot| slot as i64);
        refill(&mut self.centers, if self.layout == Layout::List { slots } else { 0 }, |_| 0);
        refill(&mut self.mask, if self.layout == Layout::Padded { slots } else { 0 }, |_| false);
        for ((graph, _), place) in replicas(work).zip(&self.places) {
            let (slots, first) = (&self.slots[place.edges.clone()], place.slots.start);
            let neighbors = &mut self.neighbors[place.slots.clone()];
            let reverse = &mut self.reverse[place.slots.clone()];
            for ((&slot, &neighbor), &back) in slots.iter().zip(&graph.neighbors).zip(&graph.reverse) {
                neighbors[slot] = place.atom(neighbor) as i64;
                reverse[slot] = (first + slots[back]) as i64;
            }
            match self.layout {
                Layout::List => graph.center_edges().for_each(|(center, edge)| {
                    self.centers[first + edge] = (place.centers.start + center) as i64;
                }),
                Layout::Padded => slots.iter().for_each(|slot| self.mask[first + slot] = true),
            }
        }
    }

    fn pack_vectors(&mut self, work: &[Replicas]) {
        let padding = [self.cutoff, 0.0, 0.0].map(T::from_f64);
        let slots = self.n_slots();
        refill(&mut self.edge_vectors, slots, |_| padding);
        for ((graph, rotation), place) in replicas(work).zip(&self.places) {
            let turn = rotation.map(|row| scale(row, 1.0 / self.angstrom));
            let vectors = &mut self.edge_vectors[place.slots.clone()];
            for (&vector, &slot) in graph.vectors.iter().zip(&self.slots[place.edges.clone()]) {
                vectors[slot] = apply(&turn, vector).map(T::from_f64);
            }
        }
    }

    /// Repeats the conditions of each structure for its centers; the field turns with the replica.
    fn pack_conditions(&mut self, work: &[Replicas]) {
        self.charge.clear();
        self.spin.clear();
        self.field.clear();
        self.volume.clear();
        for (graph, rotation) in replicas(work) {
            let (centers, Conditions { charge, spin, field }) = (graph.n_centers(), graph.conditions);
            let field = apply(rotation, scale(field.unwrap_or_default(), 1.0 / self.volt_per_angstrom));
            let volume = graph.volume.map_or(1.0, |volume| volume / self.angstrom.powi(3));
            self.charge.extend(repeat_n(T::from_f64(charge.unwrap_or(0.0)), centers));
            self.spin.extend(repeat_n(T::from_f64(spin.unwrap_or(1.0)), centers));
            self.field.extend(repeat_n(field.map(T::from_f64), centers));
            self.volume.extend(repeat_n(T::from_f64(volume), centers));
        }
    }

    /// Returns the tensors of the list of edges alone, without vectors.
    pub fn list(&self) -> Self {
        let Self { layout, cutoff, angstrom, volt_per_angstrom, width, .. } = *self;
        Self {
            centers: self.centers.clone(),
            neighbors: self.neighbors.clone(),
            reverse: self.reverse.clone(),
            mask: self.mask.clone(),
            species: self.species.clone(),
            weights: self.weights.clone(),
            replica: self.replica.clone(),
            charge: self.charge.clone(),
            spin: self.spin.clone(),
            volt_per_angstrom,
            width,
            ..Self::new(layout, cutoff, angstrom)
        }
    }

    /// Returns whether both have the same list of edges, whatever the vectors.
    pub fn has_list_of(&self, other: &Self) -> bool {
        self.width == other.width
            && self.neighbors == other.neighbors
            && self.reverse == other.reverse
            && self.species == other.species
            && self.replica == other.replica
            && self.centers == other.centers
            && self.mask == other.mask
            && self.weights == other.weights
            && self.charge == other.charge
            && self.spin == other.spin
    }

    /// Returns the number of edge slots of all replicas.
    fn n_slots(&self) -> usize {
        self.places.last().map_or(0, |place| place.slots.end)
    }

    /// Returns the centers of each replica among all centers `[B]`.
    pub fn centers_of_replicas(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.places.iter().map(|place| place.centers.clone())
    }

    /// Returns the center, among all centers, of an index along the first axis of a tensor with one entry per edge
    /// slot.
    pub fn center_of(&self, first: usize) -> usize {
        match self.layout {
            Layout::List => self.centers[first] as usize,
            Layout::Padded => first,
        }
    }

    /// Returns the edge slots of each replica `[B][E]`: the first slot of the replica among all slots, and the slot of
    /// each edge relative to it.
    pub fn edges_of_replicas(&self) -> impl Iterator<Item = (usize, &[usize])> + '_ {
        self.places.iter().map(|place| (place.slots.start, &self.slots[place.edges.clone()]))
    }

    /// Returns the shape of a tensor with one entry per edge slot.
    pub fn edge_shape(&self) -> Vec<i64> {
        match self.layout {
            Layout::List => vec![self.neighbors.len() as i64],
            Layout::Padded => vec![self.weights.len() as i64, self.width as i64],
        }
    }

    /// Returns the shape of a tensor with one vector per edge slot.
    pub fn vector_shape(&self) -> Vec<i64> {
        [self.edge_shape(), vec![3]].concat()
    }

    /// Returns the memory of the tensors, bytes.
    pub fn bytes(&self) -> usize {
        let whole = [&self.centers, &self.neighbors, &self.reverse, &self.species, &self.replica];
        whole.map(|tensor| size_of_val(&**tensor)).iter().sum::<usize>()
            + size_of_val(&*self.edge_vectors)
            + size_of_val(&*self.weights)
            + size_of_val(&*self.mask)
            + size_of_val(&*self.slots)
    }

    /// Returns the number of replicas B.
    pub fn n_replicas(&self) -> usize {
        self.places.len()
    }

    /// Returns a view of an input for ONNX Runtime, without a copy.
    pub fn view(&self, input: Input) -> ort::Result<SessionInputValue<'_>> {
        let (atoms, centers) = (vec![self.species.len() as i64], || vec![self.weights.len() as i64]);
        Ok(match input {
            Input::EdgeVectors => {
                TensorRef::from_array_view((self.vector_shape(), self.edge_vectors.as_flattened()))?.into()
            }
            Input::Centers => TensorRef::from_array_view((self.edge_shape(), &*self.centers))?.into(),
            Input::Neighbors => TensorRef::from_array_view((self.edge_shape(), &*self.neighbors))?.into(),
            Input::Reverse => TensorRef::from_array_view((self.edge_shape(), &*self.reverse))?.into(),
            Input::Mask => TensorRef::from_array_view((self.edge_shape(), &*self.mask))?.into(),
            Input::Species => TensorRef::from_array_view((atoms, &*self.species))?.into(),
            Input::Weights => TensorRef::from_array_view((centers(), &*self.weights))?.into(),
            Input::Replica => TensorRef::from_array_view((atoms, &*self.replica))?.into(),
            Input::Charge => TensorRef::from_array_view((centers(), &*self.charge))?.into(),
            Input::Spin => TensorRef::from_array_view((centers(), &*self.spin))?.into(),
            Input::Volume => TensorRef::from_array_view((centers(), &*self.volume))?.into(),
            Input::Field => {
                let shape = vec![self.field.len() as i64, 3];
                TensorRef::from_array_view((shape, self.field.as_flattened()))?.into()
            }
        })
    }
}

impl ReplicaRanges {
    /// Returns the index of an atom of the graph among the atoms of all replicas.
    fn atom(&self, atom: usize) -> usize {
        if atom < self.centers.len() {
            return self.centers.start + atom;
        }
        self.first_other + atom - self.centers.len()
    }
}

/// Returns the number of edge slots S of one replica, with K = `width`.
pub fn n_slots(graph: &Graph, layout: Layout, width: usize) -> usize {
    match layout {
        Layout::List => graph.n_edges(),
        Layout::Padded => graph.n_centers() * width,
    }
}

/// Returns K for a single graph.
pub fn width(graph: &Graph) -> usize {
    graph.max_neighbors().max(1)
}

/// Returns the graph and rotation of each replica `[B]`.
fn replicas<'a>(work: &'a [Replicas<'a>]) -> impl Iterator<Item = (&'a Graph, &'a Matrix3)> {
    work.iter().flat_map(|part| part.rotations.iter().map(|rotation| (part.graph, rotation)))
}

fn centers_of(graph: &Graph) -> &[u8] {
    &graph.species[..graph.n_centers()]
}

fn others_of(graph: &Graph) -> &[u8] {
    &graph.species[graph.n_centers()..]
}

fn refill<V>(buffer: &mut Vec<V>, length: usize, value: impl Fn(usize) -> V) {
    buffer.clear();
    buffer.extend((0..length).map(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::graph::edge_between;
    use tumble_core::rotation::IDENTITY;

    /// A quarter turn about z: x -> y.
    const QUARTER: Matrix3 = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];

    /// Centers O (two edges) and H (one edge), and another H as a neighbor of O.
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
        tensors.pack(&[Replicas { graph: &graph(), rotations: &[IDENTITY, QUARTER] }]);
        tensors
    }

    #[test]
    fn atoms_are_the_centers_of_all_replicas_then_the_other_atoms() {
        let tensors = packed(Layout::List);
        assert_eq!(tensors.species, [8, 1, 8, 1, 1, 1]);
        assert_eq!(tensors.replica, [0, 0, 1, 1, 0, 1]);
        assert_eq!(tensors.weights, [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn list_has_one_row_per_edge_in_the_units_of_the_model() {
        let tensors = packed(Layout::List);
        assert_eq!(tensors.centers, [0, 0, 1, 2, 2, 3]);
        assert_eq!(tensors.neighbors, [1, 4, 0, 3, 5, 2]);
        assert_eq!(tensors.reverse, [2, 1, 0, 5, 4, 3]);
        assert!(tensors.mask.is_empty());
        assert_eq!(tensors.vector_shape(), [6, 3]);
        let rows =
            [[2.0, 0.0, 0.0], [0.0, 0.0, 4.0], [-2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0], [0.0, -2.0, 0.0]];
        assert_eq!(tensors.edge_vectors, rows);
    }

    #[test]
    fn padding_has_the_length_of_the_cutoff_and_reverses_to_itself() {
        let tensors = packed(Layout::Padded);
        assert!(tensors.centers.is_empty());
        assert_eq!(tensors.neighbors, [1, 4, 0, 0, 3, 5, 2, 0]);
        assert_eq!(tensors.mask, [true, true, true, false, true, true, true, false]);
        assert_eq!(tensors.reverse, [2, 1, 0, 3, 6, 5, 4, 7]);
        assert_eq!(tensors.vector_shape(), [4, 2, 3]);
        assert_eq!(tensors.edge_vectors[3..6], [[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0]]);
    }

    /// Lengths of 0.5 Å and fields of 2 V/Å are the units of the model; the quarter turn takes x to y.
    #[test]
    fn conditions_are_repeated_for_each_center_in_the_units_of_the_model() {
        let conditions = Conditions { charge: Some(-1.0), spin: Some(2.0), field: Some([4.0, 0.0, 6.0]) };
        let graph = Graph { conditions, volume: Some(3.0), ..graph() };
        let mut tensors = Tensors { volt_per_angstrom: 2.0, ..Tensors::<f64>::new(Layout::Padded, 4.0, 0.5) };
        tensors.pack(&[Replicas { graph: &graph, rotations: &[IDENTITY, QUARTER] }]);
        assert_eq!((tensors.charge, tensors.spin, tensors.volume), (vec![-1.0; 4], vec![2.0; 4], vec![24.0; 4]));
        let (before, after) = ([2.0, 0.0, 3.0], [0.0, 2.0, 3.0]);
        assert_eq!(tensors.field, [before, before, after, after]);
    }

    #[test]
    fn lists_are_the_same_whatever_the_vectors() {
        for layout in [Layout::List, Layout::Padded] {
            let (known, mut tensors) = (packed(layout).list(), packed(layout));
            tensors.pack(&[Replicas { graph: &graph(), rotations: &[QUARTER, QUARTER] }]);
            assert!(known.has_list_of(&tensors) && known.edge_vectors.is_empty());
            tensors.weights[1] = 0.5;
            assert!(!known.has_list_of(&tensors));
            assert!(!known.has_list_of(&mixed(layout)));
        }
    }

    #[test]
    fn smaller_graph_overwrites_all_of_a_larger_graph() {
        let mut tensors = packed(Layout::Padded);
        tensors.pack(&[Replicas { graph: &Graph::new(vec![1], vec![1.0], vec![vec![]]), rotations: &[IDENTITY] }]);
        assert_eq!((tensors.neighbors, tensors.reverse, tensors.mask), (vec![0], vec![0], vec![false]));
        assert_eq!((tensors.species, tensors.edge_vectors, tensors.slots), (vec![1], vec![[4.0, 0.0, 0.0]], vec![]));
    }

    /// Packs three replicas: one of a lone H, two of the graph above.
    fn mixed(layout: Layout) -> Tensors<f64> {
        let mut tensors = Tensors::new(layout, 4.0, 0.5);
        let lone = Graph::new(vec![1], vec![0.5], vec![vec![]]);
        tensors.pack(&[
            Replicas { graph: &lone, rotations: &[QUARTER] },
            Replicas { graph: &graph(), rotations: &[IDENTITY, QUARTER] },
        ]);
        tensors
    }

    #[test]
    fn replicas_of_several_graphs_are_numbered_consecutively() {
        let tensors = mixed(Layout::List);
        assert_eq!(tensors.species, [1, 8, 1, 8, 1, 1, 1]);
        assert_eq!(tensors.replica, [0, 1, 1, 2, 2, 1, 2]);
        assert_eq!(tensors.weights, [0.5, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(tensors.centers, [1, 1, 2, 3, 3, 4]);
        assert_eq!(tensors.neighbors, [2, 5, 1, 4, 6, 3]);
        assert_eq!(tensors.reverse, [2, 1, 0, 5, 4, 3]);
        assert_eq!(tensors.edge_vectors, packed(Layout::List).edge_vectors);
    }

    #[test]
    fn graphs_are_padded_to_the_largest_width() {
        let tensors = mixed(Layout::Padded);
        assert_eq!(tensors.vector_shape(), [5, 2, 3]);
        assert_eq!(tensors.mask, [false, false, true, true, true, false, true, true, true, false]);
        assert_eq!(tensors.neighbors, [0, 0, 2, 5, 1, 0, 4, 6, 3, 0]);
        assert_eq!(tensors.reverse, [0, 1, 4, 3, 2, 5, 8, 7, 6, 9]);
        assert_eq!(tensors.edge_vectors[..2], [[4.0, 0.0, 0.0]; 2]);
    }

    #[test]
    fn replicas_have_their_ranges_of_centers_and_edges() {
        let tensors = mixed(Layout::Padded);
        assert_eq!(tensors.centers_of_replicas().collect::<Vec<_>>(), [0..1, 1..3, 3..5]);
        let slots: [&[usize]; 2] = [&[], &[0, 1, 2]];
        let expected = [(0, slots[0]), (2, slots[1]), (6, slots[1])];
        assert_eq!(tensors.edges_of_replicas().collect::<Vec<_>>(), expected);
    }
}
