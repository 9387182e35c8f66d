//! Linked cells: atoms sorted into bins along the cell vectors, so that a search looks only at those around a center.

use std::ops::Range;

use super::grid::{Grid, Stretch};
use super::room::Room;
use super::{Candidate, Candidates, refuse_coincidence, translation};
use crate::error::{Error, Result};
use crate::rotation::{Vector3, dot, sub};
use crate::system::System;

/// Pairs longer than the radius by this fraction are found too: the wrapped positions of the search are rounded
/// otherwise than the positions as given, and what it misses nobody finds.
const MARGIN: f64 = 1e-6;

/// An atom more cells away than this is lost: 1e6 cells of 10 Å leave 2e-9 Å of a double's precision.
const MAX_CELLS: f64 = 1e6;

/// More images of the cell than this around each atom are no structure, but a cell in wrong units.
const MAX_IMAGES: f64 = 1e5;

/// Atoms that share a bin on average, if that is coarse: more are sorted into finer ones.
const CROWD: u64 = 64;

/// Distances that a search may compute, of all atoms and for each: a second's work, or for the largest structures ten
/// times what is usual. What takes more is a skewed cell with far more images in the bins around than within the radius.
const LOOKS: u64 = 1_000_000_000;
const LOOKS_PER_ATOM: u64 = 20_000;

/// Images of a cell that is no smaller than the radius: a crowd there has as many pairs as it takes looks to find them.
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
    /// Sorted by bin, then atom `[N]`.
    members: Vec<Member>,
    /// Where each atom is among the members `[N]`.
    places: Vec<usize>,
    /// wrapped = position - wraps · cell `[N]`.
    wraps: Vec<[i32; 3]>,
    /// Of the bin of each atom, in [`Bins::stretches`] `[N]`.
    around: Vec<Range<usize>>,
    /// For each bin that has members: what to look at from there, such that each pair of bins and images is met once.
    stretches: Vec<Stretch>,
}

impl Bins {
    pub(super) fn new(system: &System, radius: f64, room: &Room) -> Result<Self> {
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
            places: vec![0; bins.len()],
            wraps,
            around: vec![],
            stretches: vec![],
        };
        sorted.members.iter().enumerate().for_each(|(place, member)| sorted.places[member.atom as usize] = place);
        let looks = if images > FEW_IMAGES { LOOKS.max(LOOKS_PER_ATOM * bins.len() as u64) } else { u64::MAX };
        sorted.look_around(&grid, &bins, &first, (room, looks)).ok_or(Error::TinyCell { images, radius })?;
        Ok(sorted)
    }

    /// Finds the stretches of each bin that has members; nothing if there are too many, or too many members in them.
    fn look_around(
        &mut self,
        grid: &Grid,
        bins: &[[i32; 3]],
        first: &[usize],
        (room, most): (&Room, u64),
    ) -> Option<()> {
        let mut looks = 0;
        self.around = vec![0..0; bins.len()];
        for start in 0..self.members.len() {
            let atom = self.members[start].atom as usize;
            let bin = bins[atom];
            if start == first[grid.flat(bin)] {
                let from = self.stretches.len();
                self.stretches.extend(grid.forward(bin, first));
                let range = from..self.stretches.len();
                let members = first[grid.flat(bin)]..first[grid.flat(bin) + 1];
                let seen: usize = self.stretches[range.clone()].iter().map(|stretch| stretch.members.len()).sum();
                looks += members.len() as u64 * seen as u64;
                if range.end > room.stretches() || looks > most {
                    return None;
                }
                self.members[members].iter().for_each(|member| self.around[member.atom as usize] = range.clone());
            }
        }
        Some(())
    }

    /// Adds the pairs of some atoms as the first ones.
    pub(super) fn pairs(&self, firsts: Range<usize>, room: &Room, found: &mut Candidates) -> Result<()> {
        let mut near = vec![0; self.stretches.iter().map(|stretch| stretch.members.len()).max().unwrap_or(0)];
        for first in firsts {
            let (around, before) = (&self.stretches[self.around[first].clone()], found.pairs.len());
            for (number, stretch) in around.iter().enumerate() {
                let members = &stretch.members;
                // The first stretch begins with the atom's own bin, of which one half is met from the other.
                let start = if number == 0 { self.places[first] + 1 } else { members.start };
                self.search(first, stretch, start..members.end, &mut near, found)?;
                room.check(found.pairs.len() - before)?;
            }
            room.take(found.pairs.len() - before)?;
            found.ends.push(found.pairs.len());
        }
        Ok(())
    }

    /// Adds the pairs of an atom with some members of a stretch.
    fn search(
        &self,
        first: usize,
        stretch: &Stretch,
        members: Range<usize>,
        near: &mut [u32],
        found: &mut Candidates,
    ) -> Result<()> {
        let members = &self.members[members];
        let origin = sub(self.members[self.places[first]].position, stretch.offset);
        let mut count = 0;
        // Without a branch: which ones are near cannot be foreseen.
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
            let shift = [0, 1, 2].map(|d| stretch.image[d] + from[d] - to[d]);
            found.pairs.push(Candidate { neighbor: member.atom, shift });
        }
        Ok(())
    }
}

/// Where each bin's members begin, and the members: a counting sort of the atoms by bin.
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

/// Whether so many atoms share their bins that the pairs within these would take longer than all the rest. Atoms that are
/// spread evenly over a coarse grid have bins almost of their own.
fn crowded(grid: &Grid, bins: &[[i32; 3]]) -> bool {
    let mut counts = vec![0u32; grid.len()];
    bins.iter().for_each(|bin| counts[grid.flat(*bin)] += 1);
    counts.iter().map(|&count| u64::from(count).pow(2)).sum::<u64>() > CROWD * bins.len() as u64
}

/// Images of the cell that an atom sees; refuses a cell so small that the search would never end.
fn check_images(system: &System, radius: f64) -> Result<f64> {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    let images = (0..3).filter(|&d| periodic[d]).map(|d| 2.0 * (radius / heights[d]).ceil() + 1.0).product::<f64>();
    if images <= MAX_IMAGES { Ok(images) } else { Err(Error::TinyCell { images, radius }) }
}

/// How many cells each atom is outside the cell; 0 along directions that do not repeat.
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
