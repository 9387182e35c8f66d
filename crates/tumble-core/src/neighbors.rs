//! From a structure to its neighbor graph: every image of every atom within the cutoff, in both directions.
//!
//! Linked cells find candidate pairs, each once, in a time linear in the number of atoms ([`NeighborList`] keeps them
//! for as long as they are good); the edge vectors are then computed from the positions as given. A pair is an edge, and
//! another one back, if it is shorter than the cutoff. Edges are sorted by center, neighbor and cell shift, so a graph
//! depends neither on the number of threads nor on whether its candidates are old or new.

mod bins;
mod grid;
mod room;
mod verlet;

use std::ops::Range;

use bins::Bins;
use rayon::prelude::*;
use room::Room;
pub use room::pairs_within;
pub use verlet::NeighborList;

use crate::error::{Error, Result};
use crate::graph::{Edge, Graph, Rows};
use crate::parallel::with_threads;
use crate::rotation::{Matrix3, Vector3, add, dot, sub};
use crate::system::System;

/// Atoms closer than this coincide, Å: the direction between them is rounding, or there is none.
const COINCIDENCE: f64 = 1e-6;

/// Centers that are worth a task of their own. Below twice as many the work is done where it arises: starting another
/// thread takes longer than the edges of a few hundred centers.
const MIN_CENTERS: usize = 1024;

/// Neighbors of an atom that are evaluated at most. Metals have about 600 within 12 Å; what has more is most often in
/// wrong units, and the attention of a model among so many neighbors takes memory with their square.
pub const MAX_NEIGHBORS: usize = 2000;

/// A pair that may be an edge, seen from its first atom.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Index of the second atom.
    neighbor: u32,
    /// Cell vectors to add to x[neighbor] - x[first], for the positions as given (not wrapped).
    shift: [i32; 3],
}

/// Pairs that may be edges, each once, from the first atom that it has in the search.
#[derive(Clone, Debug, Default)]
struct Candidates {
    /// Pairs of atom i as the first are `..ends[i]`, from where those of the atom before end `[N]`.
    ends: Vec<usize>,
    /// Those of several images of one neighbor in the order of their shifts, and after all those that are found from
    /// the neighbor's side.
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

/// The graph of a structure: all N atoms are centers of weight 1, and the volume is set if all directions repeat.
///
/// Images of an atom are neighbors of it where the cell is smaller than `cutoff` (Å).
///
/// # Errors
/// [`Error::Cutoff`], [`Error::Coincide`], [`Error::Astray`], [`Error::TinyCell`], [`Error::Crowded`],
/// [`Error::TooManyPairs`], and those of [`System::new`].
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

/// All pairs within `radius` (Å), a few beyond it.
fn candidates(system: &System, radius: f64, room: &Room, threads: usize, found: &mut Candidates) -> Result<()> {
    found.clear();
    let bins = Bins::new(system, radius, room)?;
    let find = |firsts, found: &mut Candidates| bins.pairs(firsts, room, found);
    in_pieces(system.len(), threads, found, find, Candidates::append)
}

/// Adds what is found for pieces of the atoms, in order; on several threads where that is worth it.
fn in_pieces<T: Default + Send>(
    atoms: usize,
    threads: usize,
    all: &mut T,
    find: impl Fn(Range<usize>, &mut T) -> Result<()> + Sync,
    append: impl Fn(&mut T, T),
) -> Result<()> {
    if atoms < 2 * MIN_CENTERS || threads == 1 {
        return find(0..atoms, all);
    }
    let pieces = atoms.div_ceil(MIN_CENTERS);
    let piece = |number: usize| {
        let mut found = T::default();
        let firsts = number * MIN_CENTERS..atoms.min((number + 1) * MIN_CENTERS);
        find(firsts, &mut found).map(|()| found)
    };
    let done: Vec<_> = with_threads(threads.min(pieces), || (0..pieces).into_par_iter().map(piece).collect());
    done.into_iter().try_for_each(|found| found.map(|found| append(all, found)))
}

/// Half of the edges, those of pairs from their first atoms: the candidates that are shorter than the cutoff.
fn edges(system: &System, candidates: &Candidates, cutoff: f64, threads: usize, half: &mut Rows) -> Result<()> {
    half.clear();
    let find = |firsts, half: &mut Rows| rows(system, firsts, candidates, cutoff, half);
    in_pieces(system.len(), threads, half, find, Rows::append)
}

fn rows(system: &System, firsts: Range<usize>, candidates: &Candidates, cutoff: f64, rows: &mut Rows) -> Result<()> {
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

/// shift · cell, Å. Exactly odd in the shift, so that the two vectors of a pair cancel to the last bit.
fn translation(cell: &Matrix3, shift: [i32; 3]) -> Vector3 {
    // As it is for most pairs of a large cell.
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
