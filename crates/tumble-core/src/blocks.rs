//! Cuts a structure that needs more memory than allowed into blocks, to evaluate one after the other.
//!
//! A block resembles the domain of an MPI rank: it has some of the centers, and a halo of the other centers whose
//! messages reach them, with weight 0. The halo is evaluated more than once, so blocks are cut compact, by recursive
//! coordinate bisection.

mod least_memory;

use std::collections::VecDeque;

use self::least_memory::least_memory;
use crate::error::{Error, Result};
use crate::graph::{Edge, Graph};
use crate::outputs::Output;
use crate::potential::{Derivative, Forces, ModelInfo, Potential, Response};
use crate::potential_plan::{bytes_per_replica, bytes_per_replica_within};
use crate::rotation::{Matrix3, Vector3, add};

/// Largest number of centers of a block, halo included, per own center; a larger number would be nearly all halo.
const MAX_HALO: usize = 64;

/// The blocks of a graph, or the graph as a whole.
#[derive(Debug)]
pub struct Blocks {
    /// Own centers of each block; empty if the graph is not cut. The halo is added to one block at a time, since all
    /// blocks with their halos would be several times the graph.
    own: Vec<Vec<usize>>,
    hops: usize,
}

impl Blocks {
    /// No cut: the graph is evaluated as a whole.
    pub fn whole() -> Self {
        Self { own: Vec::new(), hops: 0 }
    }

    /// Cuts a graph until each block needs at most `memory` bytes.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`], and [`Error::WholeTooLarge`] for a model with a global energy.
    pub fn cut(graph: &Graph, potential: &dyn Potential, memory: usize) -> Result<Self> {
        let bytes = |graph: &Graph| bytes_per_replica(potential, graph);
        if bytes(graph) <= memory {
            return Ok(Self::whole());
        }
        let needed = || least_memory(graph, potential, memory);
        let ModelInfo { whole, hops, ref name, .. } = *potential.info();
        if whole {
            return Err(Error::WholeTooLarge { model: name.clone(), given: memory, needed: needed() });
        }
        let bisector = Bisector { graph, coordinates: coordinates(graph), hops, bytes: &bytes, memory };
        let own = bisector.cut().map_err(|TooLarge| Error::MemoryTooSmall { given: memory, needed: needed() })?;
        Ok(Self { own, hops })
    }

    /// Number of evaluations of the model per replica.
    pub fn len(&self) -> usize {
        self.own.len().max(1)
    }

    /// Always false: a graph that is not cut is one block.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Evaluates the whole graph as [`Potential::evaluate`] does. In a graph that is cut, centers of weight 0 have no
    /// energy, and there is no stress.
    ///
    /// # Errors
    /// The errors of the potential.
    pub fn evaluate(
        &self,
        potential: &mut dyn Potential,
        graph: &Graph,
        rotations: &[Matrix3],
        forces: Forces,
    ) -> Result<Vec<Response>> {
        if self.own.is_empty() {
            return potential.evaluate(graph, rotations, forces);
        }
        let mut whole = vec![nothing(graph, forces); rotations.len()];
        for own in &self.own {
            let block = Block::new(graph, own.clone(), self.hops);
            let parts =
                potential.evaluate(&block.graph, rotations, forces).map_err(|error| block.with_whole_index(error))?;
            whole.iter_mut().zip(parts).for_each(|(whole, part)| block.add(part, whole));
        }
        Ok(whole)
    }
}

/// Cuts a graph for a potential that is opened with `memory` bytes.
fn cut_within(graph: &Graph, potential: &dyn Potential, memory: usize) -> Result<Vec<Vec<usize>>, TooLarge> {
    let bytes = |graph: &Graph| bytes_per_replica_within(potential, graph, memory);
    Bisector { graph, coordinates: coordinates(graph), hops: potential.info().hops, bytes: &bytes, memory }.cut()
}

fn nothing(graph: &Graph, forces: Forces) -> Response {
    Response {
        atomic_energies: vec![0.0; graph.n_centers()],
        derivative: match forces {
            Forces::Conservative => Derivative::EdgeGradients(vec![[0.0; 3]; graph.n_edges()]),
            Forces::Direct => Derivative::Direct { forces: vec![[0.0; 3]; graph.n_centers()], stress: None },
        },
        ensemble_energies: Vec::new(),
        outputs: Vec::new(),
        member_derivatives: Vec::new(),
    }
}

/// Returns zeros in the shape of a derivative, without a stress.
fn zeros(derivative: &Derivative) -> Derivative {
    match derivative {
        Derivative::EdgeGradients(gradients) => Derivative::EdgeGradients(vec![[0.0; 3]; gradients.len()]),
        Derivative::Direct { forces, .. } => Derivative::Direct { forces: vec![[0.0; 3]; forces.len()], stress: None },
    }
}

/// Some centers of a graph, and their halo.
#[derive(Debug)]
struct Block {
    /// The block's graph, with own centers first.
    graph: Graph,
    /// Index in the whole graph of each atom of the block.
    atoms: Vec<usize>,
    /// Index in the whole graph of each edge of the block.
    edges: Vec<usize>,
    /// Number of own centers.
    own: usize,
}

impl Block {
    fn new(whole: &Graph, own: Vec<usize>, hops: usize) -> Self {
        let n_own = own.len();
        let mut members = Members::new(whole.n_atoms(), own);
        let (mut rows, mut edges) = (Vec::new(), Vec::new());
        for _ in 0..hops {
            for local in rows.len()..members.atoms.len() {
                let mut row: Vec<_> =
                    whole.edges(members.atoms[local]).map(|e| (members.local(whole.neighbors[e]), e)).collect();
                // The sort is stable, so the images of a neighbor keep their order.
                row.sort_by_key(|&(neighbor, _)| neighbor);
                rows.push(row.iter().map(|&(neighbor, e)| Edge { neighbor, vector: whole.vectors[e] }).collect());
                edges.extend(row.iter().map(|&(_, e)| e));
            }
        }
        let Members { atoms, .. } = members;
        let weights = (0..rows.len()).map(|c| if c < n_own { whole.weights[atoms[c]] } else { 0.0 }).collect();
        let species = atoms.iter().map(|&atom| whole.species[atom]).collect();
        let graph = Graph { conditions: whole.conditions, ..Graph::from_sorted(species, weights, &rows) };
        Self { graph, atoms, edges, own: n_own }
    }

    /// Replaces a center of the block in an error by its index in the whole graph.
    fn with_whole_index(&self, mut error: Error) -> Error {
        if let Error::OutputNotFinite { center: Some(center), .. } = &mut error {
            *center = self.atoms[*center];
        }
        error
    }

    /// Adds the block's response to the response of the whole graph.
    fn add(&self, part: Response, whole: &mut Response) {
        self.copy_own(&part.atomic_energies, &mut whole.atomic_energies);
        whole.ensemble_energies.resize(part.ensemble_energies.len(), vec![0.0; whole.atomic_energies.len()]);
        let members = part.ensemble_energies.iter().zip(&mut whole.ensemble_energies);
        members.for_each(|(part, whole)| self.copy_own(part, whole));
        self.add_outputs(part.outputs, whole);
        if whole.member_derivatives.is_empty() {
            whole.member_derivatives = part.member_derivatives.iter().map(|_| zeros(&whole.derivative)).collect();
        }
        let members = part.member_derivatives.into_iter().zip(&mut whole.member_derivatives);
        members.for_each(|(part, whole)| self.add_derivative(part, whole));
        self.add_derivative(part.derivative, &mut whole.derivative);
    }

    fn add_derivative(&self, part: Derivative, whole: &mut Derivative) {
        match (part, whole) {
            (Derivative::EdgeGradients(part), Derivative::EdgeGradients(whole)) => {
                self.edges.iter().zip(part).for_each(|(&edge, gradient)| whole[edge] = add(whole[edge], gradient));
            }
            (Derivative::Direct { forces: part, .. }, Derivative::Direct { forces: whole, .. }) => {
                self.copy_own(&part, whole);
            }
            _ => unreachable!("a potential gives the kind of forces that it is asked for"),
        }
    }

    fn add_outputs(&self, part: Vec<Output>, whole: &mut Response) {
        let centers = whole.atomic_energies.len();
        for (number, Output { info, values }) in part.into_iter().enumerate() {
            let width = info.law.components();
            if whole.outputs.len() == number {
                whole.outputs.push(Output { info, values: vec![0.0; centers * width] });
            }
            for (&atom, row) in self.atoms[..self.own].iter().zip(values.chunks(width)) {
                whole.outputs[number].values[atom * width..][..width].copy_from_slice(row);
            }
        }
    }

    fn copy_own<T: Copy>(&self, part: &[T], whole: &mut [T]) {
        self.atoms[..self.own].iter().zip(part).for_each(|(&atom, &value)| whole[atom] = value);
    }
}

/// The atoms of a block, in the order of their discovery.
struct Members {
    atoms: Vec<usize>,
    local: Vec<Option<usize>>,
}

impl Members {
    fn new(n_atoms: usize, atoms: Vec<usize>) -> Self {
        let mut local = vec![None; n_atoms];
        atoms.iter().enumerate().for_each(|(index, &atom)| local[atom] = Some(index));
        Self { atoms, local }
    }

    fn local(&mut self, atom: usize) -> usize {
        *self.local[atom].get_or_insert_with(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        })
    }
}

/// Cuts centers into blocks by recursive coordinate bisection.
struct Bisector<'a> {
    graph: &'a Graph,
    /// Coordinates of the centers `[C]`, Å.
    coordinates: Vec<Vector3>,
    hops: usize,
    /// Working memory of a replica of a block, bytes.
    bytes: &'a dyn Fn(&Graph) -> usize,
    memory: usize,
}

/// A block that does not fit and cannot be made smaller.
#[derive(Debug)]
struct TooLarge;

impl Bisector<'_> {
    /// Cuts the graph into the fewest blocks that fit, and returns the own centers of each.
    fn cut(&self) -> Result<Vec<Vec<usize>>, TooLarge> {
        let counted: Vec<_> = (0..self.graph.n_centers()).filter(|&c| self.graph.weights[c] != 0.0).collect();
        // Blocks are about equal, so one that does not fit is found early.
        let mut parts = (self.bytes)(self.graph).div_ceil(self.memory.max(1)).clamp(2, counted.len().max(2));
        loop {
            let mut own = Vec::new();
            if self.bisect(counted.clone(), parts, &mut own)? {
                return Ok(own);
            }
            parts += (parts / 8).max(1);
        }
    }

    /// Bisects centers, across their longest extent each time, into `parts` parts of about equal size; returns false if
    /// one does not fit.
    fn bisect(&self, mut centers: Vec<usize>, parts: usize, own: &mut Vec<Vec<usize>>) -> Result<bool, TooLarge> {
        if parts == 1 || centers.len() == 1 {
            return self.add_block(centers, own);
        }
        let axis = longest_axis(&self.coordinates, &centers);
        let (first, size) = (parts / 2, centers.len());
        let place = |c: &usize| (self.coordinates[*c][axis], *c);
        let border = (size * first / parts).clamp(1, size - 1);
        centers.select_nth_unstable_by(border, |a, b| place(a).partial_cmp(&place(b)).expect("coordinates are finite"));
        let mut rest = centers.split_off(border);
        centers.sort_unstable();
        rest.sort_unstable();
        Ok(self.bisect(centers, first, own)? && self.bisect(rest, parts - first, own)?)
    }

    /// Makes the centers a block, and returns whether it fits.
    fn add_block(&self, centers: Vec<usize>, own: &mut Vec<Vec<usize>>) -> Result<bool, TooLarge> {
        let graph = Block::new(self.graph, centers.clone(), self.hops).graph;
        let fits = (self.bytes)(&graph) <= self.memory;
        if !fits && (centers.len() == 1 || graph.n_centers() > MAX_HALO * centers.len()) {
            return Err(TooLarge);
        }
        own.push(centers);
        Ok(fits)
    }
}

fn longest_axis(coordinates: &[Vector3], centers: &[usize]) -> usize {
    let extent = |axis: usize| {
        let along = centers.iter().map(|&c| coordinates[c][axis]);
        along.clone().fold(f64::MIN, f64::max) - along.fold(f64::MAX, f64::min)
    };
    (0..3).max_by(|&a, &b| extent(a).total_cmp(&extent(b))).unwrap_or(0)
}

/// Returns positions of the centers, found by a walk along the edges from one center of each cluster. In a periodic
/// structure each center gets one of its images.
fn coordinates(graph: &Graph) -> Vec<Vector3> {
    let mut placed: Vec<Option<Vector3>> = vec![None; graph.n_centers()];
    let mut queue = VecDeque::new();
    for first in 0..graph.n_centers() {
        if placed[first].is_none() {
            placed[first] = Some([0.0; 3]);
            queue.push_back(first);
        }
        while let Some(center) = queue.pop_front() {
            let here = placed[center].expect("queued centers are placed");
            for edge in graph.edges(center) {
                let neighbor = graph.neighbors[edge];
                if neighbor < graph.n_centers() && placed[neighbor].is_none() {
                    placed[neighbor] = Some(add(here, graph.vectors[edge]));
                    queue.push_back(neighbor);
                }
            }
        }
    }
    placed.into_iter().flatten().collect()
}
