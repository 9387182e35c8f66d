//! Linked cells: atoms sorted into bins along the cell vectors, so that a search looks only at those around a center.

use super::{Candidate, refuse_coincidence, translation};
use crate::error::{Error, Result};
use crate::rotation::{Matrix3, Vector3, add, dot, sub};
use crate::system::System;

/// Pairs longer than the radius by this fraction are found too: the wrapped positions of the search are rounded
/// otherwise than the positions as given, and what it misses nobody finds.
const MARGIN: f64 = 1e-6;

/// An atom more cells away than this is lost: 1e6 cells of 10 Å leave 2e-9 Å of a double's precision.
const MAX_CELLS: f64 = 1e6;

/// More images of the cell than this around each atom are no structure, but a cell in wrong units.
const MAX_IMAGES: f64 = 1e5;

/// Bins along one cell vector.
struct Axis {
    periodic: bool,
    /// Fractional coordinates that the bins span.
    start: f64,
    length: f64,
    count: i32,
    /// Bins to look at on either side, images included.
    reach: i32,
}

/// An atom in its bin.
#[derive(Clone, Copy, Default)]
struct Member {
    atom: u32,
    /// Wrapped into the cell along the periodic directions, Å.
    position: Vector3,
}

/// A structure sorted into bins.
pub(super) struct Bins {
    cell: Matrix3,
    /// Square of the radius with its margin, Å^2.
    square: f64,
    axes: [Axis; 3],
    /// Members of bin b are `first[b]..first[b + 1]`.
    first: Vec<usize>,
    /// Sorted by bin, then atom `[N]`.
    members: Vec<Member>,
    /// Wrapped positions `[N]`, Å.
    wrapped: Vec<Vector3>,
    /// wrapped = position - wraps · cell `[N]`.
    wraps: Vec<[i32; 3]>,
    /// The bin of each atom along the three axes `[N]`.
    places: Vec<[i32; 3]>,
}

impl Bins {
    pub(super) fn new(system: &System, radius: f64) -> Result<Self> {
        let (cell, reciprocal) = (*system.cell.vectors(), system.cell.reciprocal());
        let fraction = |x: &Vector3| reciprocal.map(|b| dot(b, *x));
        let wraps = wraps(system, fraction)?;
        let wrapped: Vec<_> =
            system.positions.iter().zip(&wraps).map(|(x, w)| sub(*x, translation(&cell, *w))).collect();
        let fractions: Vec<_> = wrapped.iter().map(fraction).collect();
        let radius = radius * (1.0 + MARGIN);
        check_images(system, radius)?;
        let axes = axes(system, &fractions, radius);
        let places = fractions.iter().map(|f| [0, 1, 2].map(|d| axes[d].bin(f[d]))).collect();
        let mut bins =
            Self { cell, square: radius * radius, axes, first: vec![], members: vec![], wrapped, wraps, places };
        bins.sort();
        Ok(bins)
    }

    /// Pairs of one center, sorted by neighbor and shift.
    pub(super) fn around(&self, center: usize) -> Result<Vec<Candidate>> {
        let [a, b, c] = self.places[center];
        let mut found = Vec::new();
        for (image_a, bin_a) in self.axes[0].around(a) {
            for (image_b, bin_b) in self.axes[1].around(b) {
                for (image_c, bin_c) in self.axes[2].around(c) {
                    self.search(center, [bin_a, bin_b, bin_c], [image_a, image_b, image_c], &mut found)?;
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Adds the pairs of a center with the atoms of one bin, repeated in one image of the cell.
    fn search(&self, center: usize, place: [i32; 3], image: [i32; 3], found: &mut Vec<Candidate>) -> Result<()> {
        let bin = self.flat(place);
        let (origin, offset) = (self.wrapped[center], translation(&self.cell, image));
        for member in &self.members[self.first[bin]..self.first[bin + 1]] {
            let vector = add(sub(member.position, origin), offset);
            let square = dot(vector, vector);
            let neighbor = member.atom as usize;
            if square < self.square && !(neighbor == center && image == [0; 3]) {
                refuse_coincidence(center, neighbor, square)?;
                let (from, to) = (self.wraps[center], self.wraps[neighbor]);
                let shift = [0, 1, 2].map(|d| image[d] + from[d] - to[d]);
                found.push(Candidate { neighbor: member.atom, shift });
            }
        }
        Ok(())
    }

    /// Counting sort of the atoms by bin.
    fn sort(&mut self) {
        let n_bins: i32 = self.axes.iter().map(|axis| axis.count).product();
        let mut next = vec![0; n_bins as usize + 1];
        let bins: Vec<_> = self.places.iter().map(|place| self.flat(*place)).collect();
        bins.iter().for_each(|bin| next[bin + 1] += 1);
        for bin in 1..next.len() {
            next[bin] += next[bin - 1];
        }
        self.first.clone_from(&next);
        self.members = vec![Member::default(); bins.len()];
        for (atom, bin) in bins.into_iter().enumerate() {
            self.members[next[bin]] = Member { atom: atom as u32, position: self.wrapped[atom] };
            next[bin] += 1;
        }
    }

    fn flat(&self, [a, b, c]: [i32; 3]) -> usize {
        ((a * self.axes[1].count + b) * self.axes[2].count + c) as usize
    }
}

impl Axis {
    /// Bins no narrower than the radius, over the cell or, where nothing repeats, over the atoms.
    fn new(periodic: bool, fractions: impl Iterator<Item = f64> + Clone, height: f64, radius: f64) -> Self {
        let (low, high) =
            (fractions.clone().fold(f64::INFINITY, f64::min), fractions.fold(f64::NEG_INFINITY, f64::max));
        let (start, length) = if periodic || low > high { (0.0, 1.0) } else { (low, high - low) };
        let count = (length * height / radius).clamp(1.0, 1e6) as i32;
        Self { periodic, start, length, count, reach: 0 }
    }

    fn bin(&self, fraction: f64) -> i32 {
        // All atoms in a plane make a length of zero, and the cast takes NaN to zero.
        ((fraction - self.start) / self.length * f64::from(self.count)).clamp(0.0, f64::from(self.count - 1)) as i32
    }

    /// (image, bin) of the bins around one.
    fn around(&self, bin: i32) -> impl Iterator<Item = (i32, i32)> + '_ {
        let reach = -self.reach..=self.reach;
        reach.map(move |step| bin + step).filter_map(|bin| match (bin.div_euclid(self.count), self.periodic) {
            (0, _) => Some((0, bin)),
            (image, true) => Some((image, bin.rem_euclid(self.count))),
            _ => None,
        })
    }
}

/// Three axes with at most a bin or so for an atom, however far the atoms are apart.
fn axes(system: &System, fractions: &[Vector3], radius: f64) -> [Axis; 3] {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    let mut axes = [0, 1, 2].map(|d| Axis::new(periodic[d], fractions.iter().map(|f| f[d]), heights[d], radius));
    let most = f64::from(u32::try_from(fractions.len()).unwrap_or(u32::MAX)).max(27.0);
    while axes.iter().map(|axis| f64::from(axis.count)).product::<f64>() > most {
        let longest = (0..3).max_by_key(|&d| axes[d].count).unwrap_or(0);
        axes[longest].count /= 2;
    }
    for (axis, height) in axes.iter_mut().zip(heights) {
        let width = axis.length * height / f64::from(axis.count);
        axis.reach = (radius / width).ceil() as i32;
        if !axis.periodic {
            axis.reach = axis.reach.min(axis.count - 1);
        }
    }
    axes
}

/// Refuses a cell so small that the search would never end.
fn check_images(system: &System, radius: f64) -> Result<()> {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    let images = (0..3).filter(|&d| periodic[d]).map(|d| 2.0 * (radius / heights[d]).ceil() + 1.0).product::<f64>();
    if images <= MAX_IMAGES { Ok(()) } else { Err(Error::TinyCell { images, radius }) }
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
