//! A structure whose evaluation would take more memory than allowed is cut into blocks, one evaluated after the other.
//!
//! A block is to the structure what a rank's share is to the box of an MPI run: some of the centers, with the others
//! whose messages reach them as centers of weight 0. So blocks cost a halo, and are cut compact.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::graph::{Edge, Graph};
use crate::potential::{Derivative, Forces, Potential, Response};
use crate::potential_plan::bytes_per_replica;
use crate::rotation::{Matrix3, Vector3, add};

/// Blocks with more than this many centers for each of their own would be all halo.
const MAX_HALO: usize = 64;

/// The blocks of a graph; none where it is evaluated as a whole.
#[derive(Debug)]
pub struct Blocks {
    /// The centers that each block has for its own. Only one block at a time is there with all that it sees: together they
    /// would be several times the graph.
    own: Vec<Vec<usize>>,
    hops: usize,
}

impl Blocks {
    /// Of any graph, evaluated as a whole.
    pub fn whole() -> Self {
        Self { own: Vec::new(), hops: 0 }
    }

    /// Cuts until each block takes at most `memory` bytes.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`], and [`Error::WholeTooLarge`] for a model whose energy is one of the whole structure.
    pub fn cut(graph: &Graph, potential: &dyn Potential, memory: usize) -> Result<Self> {
        let needed = bytes_per_replica(potential, graph);
        if needed <= memory {
            return Ok(Self::whole());
        }
        if potential.info().whole {
            return Err(Error::WholeTooLarge { model: potential.info().name.clone(), given: memory, needed });
        }
        let cutter = Cutter { graph, coordinates: coordinates(graph), potential, memory };
        let counted: Vec<_> = (0..graph.n_centers()).filter(|&c| graph.weights[c] != 0.0).collect();
        // As few as will do. One that does not fit is met early, as all are about the same.
        let mut parts = needed.div_ceil(memory.max(1)).clamp(2, counted.len().max(2));
        loop {
            let mut own = Vec::new();
            if cutter.cut(counted.clone(), parts, &mut own)? {
                return Ok(Self { own, hops: potential.info().hops });
            }
            parts += (parts / 8).max(1);
        }
    }

    /// Number of evaluations of the model for one replica.
    pub fn len(&self) -> usize {
        self.own.len().max(1)
    }

    /// Always false: even an uncut graph is one block.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// As [`Potential::evaluate`] of the whole graph, but that centers of weight 0 have no energy, and that a stress is
    /// given for an uncut graph only.
    ///
    /// # Errors
    /// Those of the potential.
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
            let parts = potential.evaluate(&block.graph, rotations, forces).map_err(|error| block.place(error))?;
            whole.iter_mut().zip(parts).for_each(|(whole, part)| block.add(part, whole));
        }
        Ok(whole)
    }
}

fn nothing(graph: &Graph, forces: Forces) -> Response {
    Response {
        atomic_energies: vec![0.0; graph.n_centers()],
        derivative: match forces {
            Forces::Conservative => Derivative::EdgeGradients(vec![[0.0; 3]; graph.n_edges()]),
            Forces::Direct => Derivative::Direct { forces: vec![[0.0; 3]; graph.n_centers()], stress: None },
        },
        ensemble_energies: Vec::new(),
    }
}

/// Some of the centers of a graph, and all that they see.
#[derive(Debug)]
struct Block {
    /// Own centers first.
    graph: Graph,
    /// The atom of the whole graph that each atom of the block is.
    atoms: Vec<usize>,
    /// The edge of the whole graph that each edge of the block is.
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
                // Stable: the order of several images of a neighbor is that of the whole graph.
                row.sort_by_key(|&(neighbor, _)| neighbor);
                rows.push(row.iter().map(|&(neighbor, e)| Edge { neighbor, vector: whole.vectors[e] }).collect());
                edges.extend(row.iter().map(|&(_, e)| e));
            }
        }
        let Members { atoms, .. } = members;
        let weights = (0..rows.len()).map(|c| if c < n_own { whole.weights[atoms[c]] } else { 0.0 }).collect();
        let species = atoms.iter().map(|&atom| whole.species[atom]).collect();
        Self { graph: Graph::from_sorted(species, weights, &rows), atoms, edges, own: n_own }
    }

    /// An error with the center of the whole graph in place of the block's.
    fn place(&self, mut error: Error) -> Error {
        if let Error::OutputNotFinite { center: Some(center), .. } = &mut error {
            *center = self.atoms[*center];
        }
        error
    }

    /// Adds what the block gives to what is known of the whole.
    fn add(&self, part: Response, whole: &mut Response) {
        self.copy_own(&part.atomic_energies, &mut whole.atomic_energies);
        whole.ensemble_energies.resize(part.ensemble_energies.len(), vec![0.0; whole.atomic_energies.len()]);
        let members = part.ensemble_energies.iter().zip(&mut whole.ensemble_energies);
        members.for_each(|(part, whole)| self.copy_own(part, whole));
        match (part.derivative, &mut whole.derivative) {
            (Derivative::EdgeGradients(part), Derivative::EdgeGradients(whole)) => {
                self.edges.iter().zip(part).for_each(|(&edge, gradient)| whole[edge] = add(whole[edge], gradient));
            }
            (Derivative::Direct { forces: part, .. }, Derivative::Direct { forces: whole, .. }) => {
                self.copy_own(&part, whole);
            }
            _ => unreachable!("a potential gives the kind of forces that it is asked for"),
        }
    }

    fn copy_own<T: Copy>(&self, part: &[T], whole: &mut [T]) {
        self.atoms[..self.own].iter().zip(part).for_each(|(&atom, &value)| whole[atom] = value);
    }
}

/// The atoms of a block in the order in which they are met.
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

/// What cutting needs to know.
struct Cutter<'a> {
    graph: &'a Graph,
    /// Of the centers `[C]`, Å.
    coordinates: Vec<Vector3>,
    potential: &'a dyn Potential,
    memory: usize,
}

impl Cutter<'_> {
    /// Cuts into so many parts of about the same size, across the longest extent each time; false if one does not fit.
    fn cut(&self, mut centers: Vec<usize>, parts: usize, own: &mut Vec<Vec<usize>>) -> Result<bool> {
        if parts == 1 || centers.len() == 1 {
            return self.take(centers, own);
        }
        let axis = longest_axis(&self.coordinates, &centers);
        let (first, size) = (parts / 2, centers.len());
        let place = |c: &usize| (self.coordinates[*c][axis], *c);
        let border = (size * first / parts).clamp(1, size - 1);
        centers.select_nth_unstable_by(border, |a, b| place(a).partial_cmp(&place(b)).expect("coordinates are finite"));
        let mut rest = centers.split_off(border);
        centers.sort_unstable();
        rest.sort_unstable();
        Ok(self.cut(centers, first, own)? && self.cut(rest, parts - first, own)?)
    }

    /// Keeps the centers as those of a block, which fits if true.
    fn take(&self, centers: Vec<usize>, own: &mut Vec<Vec<usize>>) -> Result<bool> {
        let graph = Block::new(self.graph, centers.clone(), self.potential.info().hops).graph;
        let needed = bytes_per_replica(self.potential, &graph);
        let fits = needed <= self.memory;
        if !fits && (centers.len() == 1 || graph.n_centers() > MAX_HALO * centers.len()) {
            return Err(Error::MemoryTooSmall { given: self.memory, needed });
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

/// Positions of the centers, laid out along the edges from one center of each cluster; of a periodic structure one image
/// of each.
fn coordinates(graph: &Graph) -> Vec<Vector3> {
    let mut placed: Vec<Option<Vector3>> = vec![None; graph.n_centers()];
    let mut queue = VecDeque::new();
    for first in 0..graph.n_centers() {
        if placed[first].is_none() {
            placed[first] = Some([0.0; 3]);
            queue.push_back(first);
        }
        while let Some(center) = queue.pop_front() {
            let here = placed[center].expect("what is queued is placed");
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
