//! The grid of bins, and the half stencil of bins around each.

use std::ops::{Range, RangeInclusive};

use super::translation;
use crate::rotation::{Matrix3, Vector3};
use crate::system::System;

/// Largest number of bins along one cell vector, so that bin numbers in other images fit into 32 bits.
const MAX_BINS: f64 = 5e8;

/// Bins along one cell vector.
struct Axis {
    periodic: bool,
    /// Fractional coordinate of the first bin's lower edge.
    start: f64,
    /// Length of the bins together, in fractional coordinates.
    length: f64,
    count: i32,
    /// Half width of the stencil in bins, images included.
    reach: i32,
}

/// Consecutive bins in one image of the cell.
pub(super) struct BinRange {
    pub image: [i32; 3],
    /// image · cell, Å.
    pub offset: Vector3,
    /// Indices of the bins' members.
    pub members: Range<usize>,
}

/// The bins, without their members.
pub(super) struct Grid {
    cell: Matrix3,
    axes: [Axis; 3],
    /// Whether bins are wider than necessary.
    coarse: bool,
    /// The occupied bins of a sparse grid, in ascending order; `None`: all bins are stored.
    occupied: Option<Vec<[i32; 3]>>,
}

impl Grid {
    /// A grid of bins no narrower than `radius` (Å), unless the cell is; `fractions` are the fractional coordinates of
    /// the atoms `[N]`.
    pub fn new(system: &System, fractions: &[Vector3], radius: f64) -> Self {
        let mut axes = fine_axes(system, fractions, radius);
        let coarse = coarsen(&mut axes, fractions.len());
        let axes = with_reach(axes, system, radius);
        Self { cell: *system.cell.vectors(), axes, coarse, occupied: None }
    }

    /// A grid of the narrowest bins, however many, that stores the occupied bins only; and the bin of each atom `[N]`.
    pub fn sparse(system: &System, fractions: &[Vector3], radius: f64) -> (Self, Vec<[i32; 3]>) {
        let axes = with_reach(fine_axes(system, fractions, radius), system, radius);
        let grid = Self { cell: *system.cell.vectors(), axes, coarse: false, occupied: None };
        let bins: Vec<_> = fractions.iter().map(|f| grid.bin(*f)).collect();
        let mut occupied = bins.clone();
        occupied.sort_unstable();
        occupied.dedup();
        (Self { occupied: Some(occupied), ..grid }, bins)
    }

    /// Whether bins were widened, since finer bins would outnumber the atoms.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Returns the bin of an atom along each axis.
    pub fn bin(&self, fractions: Vector3) -> [i32; 3] {
        [0, 1, 2].map(|d| self.axes[d].bin(fractions[d]))
    }

    /// Number of bins stored.
    pub fn len(&self) -> usize {
        let all = || self.axes.iter().map(|axis| axis.count as usize).product();
        self.occupied.as_ref().map_or_else(all, Vec::len)
    }

    /// Returns the index of a bin: of an occupied bin in a sparse grid, of any bin otherwise.
    pub fn flat(&self, bin: [i32; 3]) -> usize {
        match &self.occupied {
            None => ((bin[0] * self.axes[1].count + bin[1]) * self.axes[2].count + bin[2]) as usize,
            Some(occupied) => occupied.partition_point(|other| *other < bin),
        }
    }

    /// Returns the indices of a row of bins along the last axis.
    fn row(&self, [a, b]: [i32; 2], along: &RangeInclusive<i32>) -> Range<usize> {
        match &self.occupied {
            None => self.flat([a, b, *along.start()])..self.flat([a, b, *along.end()]) + 1,
            Some(_) => self.flat([a, b, *along.start()])..self.flat([a, b, *along.end() + 1]),
        }
    }

    /// Returns the half stencil of a bin: the bin itself, and the bins at steps whose first nonzero component is
    /// positive, so that no step is the opposite of another. The order is ascending in the steps, and therefore in the
    /// images of each atom. Members of bin b are `first[b]..first[b + 1]`.
    pub fn half_stencil<'a>(&'a self, [a, b, c]: [i32; 3], first: &'a [usize]) -> impl Iterator<Item = BinRange> + 'a {
        let [reach_a, reach_b, reach_c] = [0, 1, 2].map(|d| self.axes[d].reach);
        let steps = (0..=reach_a).flat_map(move |i| (if i == 0 { 0 } else { -reach_b }..=reach_b).map(move |j| (i, j)));
        steps.flat_map(move |(i, j)| {
            let start = if (i, j) == (0, 0) { 0 } else { -reach_c };
            let place = self.axes[0].place(a + i).zip(self.axes[1].place(b + j));
            let along = self.axes[2].ranges(c + start, c + reach_c);
            along.filter_map(move |(image_c, c)| {
                let ((image_a, a), (image_b, b)) = place?;
                let image = [image_a, image_b, image_c];
                let row = self.row([a, b], &c);
                let members = first[row.start]..first[row.end];
                let range = |members| BinRange { image, offset: translation(&self.cell, image), members };
                (!members.is_empty()).then(|| range(members))
            })
        })
    }
}

impl Axis {
    /// Bins no narrower than the radius, over the cell or, in a direction that is not periodic, over the atoms.
    fn new(periodic: bool, fractions: impl Iterator<Item = f64> + Clone, height: f64, radius: f64) -> Self {
        let (low, high) =
            (fractions.clone().fold(f64::INFINITY, f64::min), fractions.fold(f64::NEG_INFINITY, f64::max));
        let (start, length) = if periodic || low > high { (0.0, 1.0) } else { (low, high - low) };
        let count = (length * height / radius).clamp(1.0, MAX_BINS) as i32;
        Self { periodic, start, length, count, reach: 0 }
    }

    fn bin(&self, fraction: f64) -> i32 {
        // If all atoms are in a plane the length is zero; the cast turns NaN into zero.
        ((fraction - self.start) / self.length * f64::from(self.count)).clamp(0.0, f64::from(self.count - 1)) as i32
    }

    /// Wraps a bin that may be outside the cell: (image, bin); `None` if there is no such bin.
    fn place(&self, bin: i32) -> Option<(i32, i32)> {
        let image = bin.div_euclid(self.count);
        (image == 0 || self.periodic).then(|| (image, bin.rem_euclid(self.count)))
    }

    /// Wraps the bins from `low` to `high`, which may be outside the cell: each image with its bins.
    fn ranges(&self, low: i32, high: i32) -> impl Iterator<Item = (i32, RangeInclusive<i32>)> + use<> {
        let count = self.count;
        let images = if self.periodic { low.div_euclid(count)..=high.div_euclid(count) } else { 0..=0 };
        let within = move |image: i32| (low - image * count).max(0)..=(high - image * count).min(count - 1);
        images.map(move |image| (image, within(image))).filter(|(_, bins)| !bins.is_empty())
    }
}

/// Three axes with the narrowest bins allowed.
fn fine_axes(system: &System, fractions: &[Vector3], radius: f64) -> [Axis; 3] {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    [0, 1, 2].map(|d| Axis::new(periodic[d], fractions.iter().map(|f| f[d]), heights[d], radius))
}

/// Widens bins until there is about one per atom at most, however far apart the atoms are; returns whether it had to.
fn coarsen(axes: &mut [Axis; 3], atoms: usize) -> bool {
    let most = f64::from(u32::try_from(atoms).unwrap_or(u32::MAX)).max(27.0);
    let mut coarse = false;
    while axes.iter().map(|axis| f64::from(axis.count)).product::<f64>() > most {
        let longest = (0..3).max_by_key(|&d| axes[d].count).unwrap_or(0);
        axes[longest].count /= 2;
        coarse = true;
    }
    coarse
}

fn with_reach(mut axes: [Axis; 3], system: &System, radius: f64) -> [Axis; 3] {
    for (axis, height) in axes.iter_mut().zip(system.cell.heights()) {
        let width = axis.length * height / f64::from(axis.count);
        axis.reach = (radius / width).ceil() as i32;
        if !axis.periodic {
            axis.reach = axis.reach.min(axis.count - 1);
        }
    }
    axes
}
