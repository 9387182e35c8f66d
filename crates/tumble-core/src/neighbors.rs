//! Builds the neighbor graph of a structure: every periodic image of every atom within the cutoff, in both directions.
//!
//! Linked cells find each candidate pair once, in time linear in the number of atoms; [`NeighborList`] reuses the
//! candidates until an atom has moved too far. The edge vectors are then computed from the positions as given. A pair
//! shorter than the cutoff gives two edges, one in each direction. Edges are sorted by center, neighbor and cell shift,
//! so the graph depends neither on the number of threads nor on the age of the candidates.

mod bins;
mod grid;
mod pair_limit;
mod verlet;

use std::ops::Range;

use bins::Bins;
use pair_limit::PairLimit;
pub use pair_limit::pairs_within;
use rayon::prelude::*;
pub use verlet::NeighborList;

use crate::error::{Error, Result};
use crate::graph::{Edge, EdgeRows, Graph};
use crate::parallel::with_threads;
use crate::rotation::{Matrix3, Vector3, add, dot, sub};
use crate::system::System;

/// Atoms closer than this coincide, Å: the direction between them is undefined, or rounding error.
const COINCIDENCE: f64 = 1e-6;

/// Centers per task. Fewer than twice as many stay in the calling thread: starting another thread takes longer than the
/// edges of a few hundred centers.
const MIN_CENTERS: usize = 1024;

/// Fewest atoms of a structure whose neighbors are found on several threads.
pub(crate) const MIN_PARALLEL: usize = 2 * MIN_CENTERS;

/// Largest number of neighbors per atom. Metals have about 600 within 12 Å; a larger number usually means wrong units,
/// and the memory of a model's attention grows with its square.
pub const MAX_NEIGHBORS: usize = 2000;

/// A pair that may be an edge, stored with its first atom.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Index of the second atom.
    neighbor: u32,
    /// Cell vectors to add to x[neighbor] - x[first], for the positions as given (not wrapped).
    shift: [i32; 3],
}

/// Pairs that may be edges: a half list, with each pair under the first of its atoms in the search.
#[derive(Clone, Debug, Default)]
struct Candidates {
    /// End of each first atom's pairs; they begin at the end of the previous atom's pairs `[N]`.
    ends: Vec<usize>,
    /// Images of one neighbor are in ascending order of their shifts; all these shifts are larger than the shifts, seen
    /// from this atom, of the images stored under the neighbor.
    pairs: Vec<Candidate>,
}

impl Candidates {
    fn of(&self, first: usize) -> &[Candidate] {
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        &self.pairs[start..self.ends[first]]
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.pairs.clear();
    }

    fn bytes(&self) -> usize {
        self.ends.capacity() * size_of::<usize>() + self.pairs.capacity() * size_of::<Candidate>()
    }

    fn append(&mut self, mut more: Self) {
        let before = self.pairs.len();
        self.ends.extend(more.ends.iter().map(|end| before + end));
        self.pairs.append(&mut more.pairs);
    }
}

/// Returns the graph of a structure: all N atoms are centers of weight 1; the volume is set if all directions are
/// periodic.
///
/// In a cell smaller than `cutoff` (Å), an atom has its own images as neighbors.
///
/// # Errors
/// [`Error::Cutoff`], [`Error::Coincide`], [`Error::Astray`], [`Error::TinyCell`], [`Error::Crowded`],
/// [`Error::TooManyPairs`], and the errors of [`System::new`].
///
/// # Example
/// ```
/// use tumble_core::{Cell, System, neighbors};
///
/// let cell = Cell::new([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]], [true; 3])?;
/// let graph = neighbors::graph(&System::new(vec![[0.0; 3]], vec![18], cell)?, 3.5)?;
/// assert_eq!(graph.n_edges(), 6);
/// # Ok::<(), tumble_core::Error>(())
/// ```
pub fn graph(system: &System, cutoff: f64) -> Result<Graph> {
    let mut list = NeighborList::new(cutoff, 0.0);
    list.graph(system)?;
    Ok(list.into_last())
}

fn check(system: &System, cutoff: f64, skin: f64) -> Result<()> {
    let usable = cutoff > 0.0 && skin >= 0.0 && (cutoff + skin).is_finite();
    if usable { system.check() } else { Err(Error::Cutoff { cutoff, skin }) }
}

/// Finds all pairs within `radius` (Å), and a few beyond it.
fn candidates(system: &System, radius: f64, limit: &PairLimit, threads: usize, found: &mut Candidates) -> Result<()> {
    found.clear();
    let bins = Bins::new(system, radius, limit)?;
    let find = |firsts, found: &mut Candidates| bins.pairs(firsts, limit, found);
    in_chunks(system.len(), threads, found, find, Candidates::append)
}

/// Runs `find` on chunks of the atoms and appends the results in order; on several threads if the structure is large.
fn in_chunks<T: Default + Send>(
    atoms: usize,
    threads: usize,
    all: &mut T,
    find: impl Fn(Range<usize>, &mut T) -> Result<()> + Sync,
    append: impl Fn(&mut T, T),
) -> Result<()> {
    if atoms < MIN_PARALLEL || threads == 1 {
        return find(0..atoms, all);
    }
    let chunks = atoms.div_ceil(MIN_CENTERS);
    let chunk = |number: usize| {
        let mut found = T::default();
        let firsts = number * MIN_CENTERS..atoms.min((number + 1) * MIN_CENTERS);
        find(firsts, &mut found).map(|()| found)
    };
    let done: Vec<_> = with_threads(threads.min(chunks), || (0..chunks).into_par_iter().map(chunk).collect());
    done.into_iter().try_for_each(|found| found.map(|found| append(all, found)))
}

/// Finds the half list of edges: the candidates shorter than the cutoff, each under its first atom.
fn edges(system: &System, candidates: &Candidates, cutoff: f64, threads: usize, half: &mut EdgeRows) -> Result<()> {
    half.clear();
    let find = |firsts, half: &mut EdgeRows| rows(system, firsts, candidates, cutoff, half);
    in_chunks(system.len(), threads, half, find, EdgeRows::append)
}

fn rows(
    system: &System,
    firsts: Range<usize>,
    candidates: &Candidates,
    cutoff: f64,
    rows: &mut EdgeRows,
) -> Result<()> {
    rows.reserve(firsts.len(), firsts.clone().map(|first| candidates.of(first).len()).sum());
    for first in firsts {
        for candidate in candidates.of(first) {
            let neighbor = candidate.neighbor as usize;
            let straight = sub(system.positions[neighbor], system.positions[first]);
            let vector = add(straight, translation(system.cell.vectors(), candidate.shift));
            let square = dot(vector, vector);
            refuse_coincidence(first, neighbor, square)?;
            if square < cutoff * cutoff {
                rows.push(Edge { neighbor, vector });
            }
        }
        rows.end();
    }
    Ok(())
}

/// Returns shift · cell, Å. It is exactly odd in the shift, so the two vectors of a pair cancel to the last bit.
fn translation(cell: &Matrix3, shift: [i32; 3]) -> Vector3 {
    // Most pairs of a large cell.
    if shift == [0; 3] {
        return [0.0; 3];
    }
    let [a, b, c] = shift.map(f64::from);
    [0, 1, 2].map(|k| a * cell[0][k] + b * cell[1][k] + c * cell[2][k])
}

fn refuse_coincidence(center: usize, neighbor: usize, square: f64) -> Result<()> {
    if square >= COINCIDENCE * COINCIDENCE {
        return Ok(());
    }
    let (first, second) = (center.min(neighbor) + 1, center.max(neighbor) + 1);
    Err(Error::Coincide { first, second, distance: square.sqrt() })
}
