//! Linked cells: atoms sorted into bins along the cell vectors, so that a search visits only the bins around a center.

use std::ops::Range;

use super::grid::{BinRange, Grid};
use super::pair_limit::PairLimit;
use super::{Candidate, Candidates, refuse_coincidence, translation};
use crate::error::{Error, Result};
use crate::rotation::{Vector3, dot, sub};
use crate::system::System;

/// Relative margin added to the search radius: the wrapped positions of the search round differently from the positions
/// as given, and a pair missed here is missed for good.
const MARGIN: f64 = 1e-6;

/// Largest distance of an atom from the cell, in cells: 1e6 cells of 10 Å leave a double a precision of 2e-9 Å.
const MAX_CELLS: f64 = 1e6;

/// Largest number of cell images around an atom; a larger number means a cell in wrong units.
const MAX_IMAGES: f64 = 1e5;

/// Largest mean number of atoms that share a bin of a coarse grid; above it, the atoms are sorted into finer bins.
const MAX_OCCUPANCY: u64 = 64;

/// Distances that a search may compute in any case: about a second's work. A structure exceeds this and
/// [`MAX_DISTANCES_PER_ATOM`] only if its cell is skewed, with far more images in the stencil than within the radius.
const MAX_DISTANCES: u64 = 1_000_000_000;

/// Distances that a search may compute per atom: ten times the usual number.
const MAX_DISTANCES_PER_ATOM: u64 = 20_000;

/// Images of a cell no smaller than the radius. The number of distances is not limited there: in a dense cluster it is
/// about the number of pairs.
const FEW_IMAGES: f64 = 27.0;

/// An atom in its bin.
#[derive(Clone, Copy, Default)]
struct Member {
    atom: u32,
    /// Wrapped into the cell along the periodic directions, Å.
    position: Vector3,
}

/// A structure sorted into bins.
pub(super) struct Bins {
    /// Square of the radius with its margin, Å^2.
    square: f64,
    /// The atoms, sorted by bin, then by atom `[N]`.
    members: Vec<Member>,
    /// Index of each atom among the members `[N]`.
    slots: Vec<usize>,
    /// Cells between each atom and its wrapped position: wrapped = position - wraps · cell `[N]`.
    wraps: Vec<[i32; 3]>,
    /// Half stencil of each atom's bin, as a range of [`Bins::ranges`] `[N]`.
    stencils: Vec<Range<usize>>,
    /// Half stencils of all occupied bins: each pair of bins and images appears once.
    ranges: Vec<BinRange>,
}

impl Bins {
    pub(super) fn new(system: &System, radius: f64, limit: &PairLimit) -> Result<Self> {
        let (cell, reciprocal) = (*system.cell.vectors(), system.cell.reciprocal());
        let fraction = |x: &Vector3| reciprocal.map(|b| dot(b, *x));
        let wraps = wraps(system, fraction)?;
        let wrapped: Vec<_> =
            system.positions.iter().zip(&wraps).map(|(x, w)| sub(*x, translation(&cell, *w))).collect();
        let fractions: Vec<_> = wrapped.iter().map(fraction).collect();
        let radius = radius * (1.0 + MARGIN);
        let images = check_images(system, radius)?;
        let mut grid = Grid::new(system, &fractions, radius);
        let mut bins: Vec<_> = fractions.iter().map(|f| grid.bin(*f)).collect();
        if grid.is_coarse() && crowded(&grid, &bins) {
            (grid, bins) = Grid::sparse(system, &fractions, radius);
        }
        let (first, members) = sort(&grid, &bins, &wrapped);
        let mut sorted = Self {
            square: radius * radius,
            members,
            slots: vec![0; bins.len()],
            wraps,
            stencils: vec![],
            ranges: vec![],
        };
        sorted.members.iter().enumerate().for_each(|(place, member)| sorted.slots[member.atom as usize] = place);
        let most = MAX_DISTANCES.max(MAX_DISTANCES_PER_ATOM * bins.len() as u64);
        let most = if images > FEW_IMAGES { most } else { u64::MAX };
        sorted.find_stencils(&grid, &bins, &first, (limit, most)).ok_or(Error::TinyCell { images, radius })?;
        Ok(sorted)
    }

    /// Finds the half stencil of each occupied bin; `None` if they have too many ranges, or need more than `most`
    /// distances.
    fn find_stencils(
        &mut self,
        grid: &Grid,
        bins: &[[i32; 3]],
        first: &[usize],
        (limit, most): (&PairLimit, u64),
    ) -> Option<()> {
        let mut distances = 0;
        self.stencils = vec![0..0; bins.len()];
        for start in 0..self.members.len() {
            let atom = self.members[start].atom as usize;
            let bin = bins[atom];
            if start == first[grid.flat(bin)] {
                let from = self.ranges.len();
                self.ranges.extend(grid.half_stencil(bin, first));
                let stencil = from..self.ranges.len();
                let members = first[grid.flat(bin)]..first[grid.flat(bin) + 1];
                let seen: usize = self.ranges[stencil.clone()].iter().map(|range| range.members.len()).sum();
                distances += members.len() as u64 * seen as u64;
                if stencil.end > limit.max_ranges() || distances > most {
                    return None;
                }
                self.members[members].iter().for_each(|member| self.stencils[member.atom as usize] = stencil.clone());
            }
        }
        Some(())
    }

    /// Adds the pairs whose first atom is among `firsts`.
    pub(super) fn pairs(&self, firsts: Range<usize>, limit: &PairLimit, found: &mut Candidates) -> Result<()> {
        let mut near = vec![0; self.ranges.iter().map(|range| range.members.len()).max().unwrap_or(0)];
        for first in firsts {
            let (stencil, before) = (&self.ranges[self.stencils[first].clone()], found.pairs.len());
            for (number, range) in stencil.iter().enumerate() {
                let members = &range.members;
                // The first range begins with the atom's own bin, where a pair belongs to the atom that comes first.
                let start = if number == 0 { self.slots[first] + 1 } else { members.start };
                self.search(first, range, start..members.end, &mut near, found)?;
                limit.check(found.pairs.len() - before)?;
            }
            limit.add(found.pairs.len() - before)?;
            found.ends.push(found.pairs.len());
        }
        Ok(())
    }

    /// Adds the pairs of an atom with some members of a bin range.
    fn search(
        &self,
        first: usize,
        range: &BinRange,
        members: Range<usize>,
        near: &mut [u32],
        found: &mut Candidates,
    ) -> Result<()> {
        let members = &self.members[members];
        let origin = sub(self.members[self.slots[first]].position, range.offset);
        let mut count = 0;
        // No branch: the processor could not predict it.
        for (member, number) in members.iter().zip(0..) {
            let vector = sub(member.position, origin);
            near[count] = number;
            count += usize::from(dot(vector, vector) < self.square);
        }
        for &number in &near[..count] {
            let member = &members[number as usize];
            let vector = sub(member.position, origin);
            let neighbor = member.atom as usize;
            refuse_coincidence(first, neighbor, dot(vector, vector))?;
            let (from, to) = (self.wraps[first], self.wraps[neighbor]);
            let shift = [0, 1, 2].map(|d| range.image[d] + from[d] - to[d]);
            found.pairs.push(Candidate { neighbor: member.atom, shift });
        }
        Ok(())
    }
}

/// Sorts the atoms by bin (counting sort); returns the first member of each bin, and the members.
fn sort(grid: &Grid, bins: &[[i32; 3]], wrapped: &[Vector3]) -> (Vec<usize>, Vec<Member>) {
    let mut next = vec![0; grid.len() + 1];
    bins.iter().for_each(|bin| next[grid.flat(*bin) + 1] += 1);
    for bin in 1..next.len() {
        next[bin] += next[bin - 1];
    }
    let (first, mut members) = (next.clone(), vec![Member::default(); bins.len()]);
    for (atom, bin) in bins.iter().enumerate() {
        let place = &mut next[grid.flat(*bin)];
        members[*place] = Member { atom: atom as u32, position: wrapped[atom] };
        *place += 1;
    }
    (first, members)
}

/// Whether so many atoms share bins that the pairs within bins would dominate the cost. Atoms spread evenly over a
/// coarse grid are almost alone in their bins.
fn crowded(grid: &Grid, bins: &[[i32; 3]]) -> bool {
    let mut counts = vec![0u32; grid.len()];
    bins.iter().for_each(|bin| counts[grid.flat(*bin)] += 1);
    counts.iter().map(|&count| u64::from(count).pow(2)).sum::<u64>() > MAX_OCCUPANCY * bins.len() as u64
}

/// Counts the cell images within the radius of an atom; refuses a cell so small that the search would never end.
fn check_images(system: &System, radius: f64) -> Result<f64> {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    let images = (0..3).filter(|&d| periodic[d]).map(|d| 2.0 * (radius / heights[d]).ceil() + 1.0).product::<f64>();
    if images <= MAX_IMAGES { Ok(images) } else { Err(Error::TinyCell { images, radius }) }
}

/// Returns how many cells each atom lies outside the cell; 0 along directions that are not periodic.
fn wraps(system: &System, fraction: impl Fn(&Vector3) -> Vector3) -> Result<Vec<[i32; 3]>> {
    let periodic = system.cell.periodic();
    let wrap = |(atom, x): (usize, &Vector3)| {
        let f = fraction(x);
        let cells = [0, 1, 2].map(|d| if periodic[d] { f[d].floor() } else { 0.0 });
        match cells.into_iter().find(|c| c.abs() > MAX_CELLS || c.is_nan()) {
            Some(cells) => Err(Error::Astray { atom: atom + 1, cells }),
            None => Ok(cells.map(|c| c as i32)),
        }
    };
    system.positions.iter().enumerate().map(wrap).collect()
}
