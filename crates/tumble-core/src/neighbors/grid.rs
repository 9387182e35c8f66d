//! The bins themselves, and which of them are looked at from one.

use std::ops::{Range, RangeInclusive};

use super::translation;
use crate::rotation::{Matrix3, Vector3};
use crate::system::System;

/// Bins along one cell vector at most, so that numbers of bins in other images fit into 32 bits.
const MAX_BINS: f64 = 5e8;

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

/// Bins that follow each other, in one image of the cell.
pub(super) struct Stretch {
    pub image: [i32; 3],
    /// image · cell, Å.
    pub offset: Vector3,
    /// Numbers of the members of the bins.
    pub members: Range<usize>,
}

/// The bins, without what is in them.
pub(super) struct Grid {
    cell: Matrix3,
    axes: [Axis; 3],
    /// Whether bins are wider than they need be.
    coarse: bool,
    /// The bins that have members, in ascending order, where there are far more without; all where `None`.
    occupied: Option<Vec<[i32; 3]>>,
}

impl Grid {
    /// Bins no narrower than `radius` (Å), unless the cell is; `fractions` are those of the atoms `[N]`.
    pub fn new(system: &System, fractions: &[Vector3], radius: f64) -> Self {
        let mut axes = fine_axes(system, fractions, radius);
        let coarse = coarsen(&mut axes, fractions.len());
        let axes = with_reach(axes, system, radius);
        Self { cell: *system.cell.vectors(), axes, coarse, occupied: None }
    }

    /// The same with the narrowest bins, however many there are, of which it knows those with members; and the bin of each
    /// atom `[N]`.
    pub fn sparse(system: &System, fractions: &[Vector3], radius: f64) -> (Self, Vec<[i32; 3]>) {
        let axes = with_reach(fine_axes(system, fractions, radius), system, radius);
        let grid = Self { cell: *system.cell.vectors(), axes, coarse: false, occupied: None };
        let bins: Vec<_> = fractions.iter().map(|f| grid.bin(*f)).collect();
        let mut occupied = bins.clone();
        occupied.sort_unstable();
        occupied.dedup();
        (Self { occupied: Some(occupied), ..grid }, bins)
    }

    /// Whether finer bins would be more than there are atoms.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// The bin along each axis of an atom.
    pub fn bin(&self, fractions: Vector3) -> [i32; 3] {
        [0, 1, 2].map(|d| self.axes[d].bin(fractions[d]))
    }

    /// Number of bins.
    pub fn len(&self) -> usize {
        let all = || self.axes.iter().map(|axis| axis.count as usize).product();
        self.occupied.as_ref().map_or_else(all, Vec::len)
    }

    /// Number of a bin that has members; of any where all are known.
    pub fn flat(&self, bin: [i32; 3]) -> usize {
        match &self.occupied {
            None => ((bin[0] * self.axes[1].count + bin[1]) * self.axes[2].count + bin[2]) as usize,
            Some(occupied) => occupied.partition_point(|other| *other < bin),
        }
    }

    /// Numbers of the bins from one to another one, which differ along the last axis only.
    fn row(&self, [a, b]: [i32; 2], along: &RangeInclusive<i32>) -> Range<usize> {
        match &self.occupied {
            None => self.flat([a, b, *along.start()])..self.flat([a, b, *along.end()]) + 1,
            Some(_) => self.flat([a, b, *along.start()])..self.flat([a, b, *along.end() + 1]),
        }
    }

    /// The bin, and those that are some steps from it: such steps that the first that is not zero is positive, so that
    /// none is the opposite of another. In ascending order of the steps, and so of the images of each atom. Members of
    /// bin b are `first[b]..first[b + 1]`.
    pub fn forward<'a>(&'a self, [a, b, c]: [i32; 3], first: &'a [usize]) -> impl Iterator<Item = Stretch> + 'a {
        let [reach_a, reach_b, reach_c] = [0, 1, 2].map(|d| self.axes[d].reach);
        let steps = (0..=reach_a).flat_map(move |i| (if i == 0 { 0 } else { -reach_b }..=reach_b).map(move |j| (i, j)));
        steps.flat_map(move |(i, j)| {
            let start = if (i, j) == (0, 0) { 0 } else { -reach_c };
            let place = self.axes[0].place(a + i).zip(self.axes[1].place(b + j));
            let along = self.axes[2].stretches(c + start, c + reach_c);
            along.filter_map(move |(image_c, c)| {
                let ((image_a, a), (image_b, b)) = place?;
                let image = [image_a, image_b, image_c];
                let row = self.row([a, b], &c);
                let members = first[row.start]..first[row.end];
                let stretch = |members| Stretch { image, offset: translation(&self.cell, image), members };
                (!members.is_empty()).then(|| stretch(members))
            })
        })
    }
}

impl Axis {
    /// Bins no narrower than the radius, over the cell or, where nothing repeats, over the atoms.
    fn new(periodic: bool, fractions: impl Iterator<Item = f64> + Clone, height: f64, radius: f64) -> Self {
        let (low, high) =
            (fractions.clone().fold(f64::INFINITY, f64::min), fractions.fold(f64::NEG_INFINITY, f64::max));
        let (start, length) = if periodic || low > high { (0.0, 1.0) } else { (low, high - low) };
        let count = (length * height / radius).clamp(1.0, MAX_BINS) as i32;
        Self { periodic, start, length, count, reach: 0 }
    }

    fn bin(&self, fraction: f64) -> i32 {
        // All atoms in a plane make a length of zero, and the cast takes NaN to zero.
        ((fraction - self.start) / self.length * f64::from(self.count)).clamp(0.0, f64::from(self.count - 1)) as i32
    }

    /// (image, bin) of a bin that may be outside the cell, if it is there.
    fn place(&self, bin: i32) -> Option<(i32, i32)> {
        let image = bin.div_euclid(self.count);
        (image == 0 || self.periodic).then(|| (image, bin.rem_euclid(self.count)))
    }

    /// Bins from `low` to `high`, which may be outside the cell: the image, and the bins in it.
    fn stretches(&self, low: i32, high: i32) -> impl Iterator<Item = (i32, RangeInclusive<i32>)> + use<> {
        let count = self.count;
        let images = if self.periodic { low.div_euclid(count)..=high.div_euclid(count) } else { 0..=0 };
        let within = move |image: i32| (low - image * count).max(0)..=(high - image * count).min(count - 1);
        images.map(move |image| (image, within(image))).filter(|(_, bins)| !bins.is_empty())
    }
}

/// Three axes with bins as narrow as may be.
fn fine_axes(system: &System, fractions: &[Vector3], radius: f64) -> [Axis; 3] {
    let (periodic, heights) = (system.cell.periodic(), system.cell.heights());
    [0, 1, 2].map(|d| Axis::new(periodic[d], fractions.iter().map(|f| f[d]), heights[d], radius))
}

/// Widens bins until there is at most one or so for an atom, however far the atoms are apart; whether it had to.
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
