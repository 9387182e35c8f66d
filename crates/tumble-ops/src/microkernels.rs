//! Small matrix products (matmul) of attention, for one register of queries at a time.

use std::ops::Range;

use pulp::Simd;

use crate::simd::{CHUNK, SimdFloat, copy};

/// Rows per step of a product: each number that is read is used for all of them.
pub(crate) const GROUP: usize = 4;

/// Rows of a head's components, each padded with zeros to whole registers.
pub(crate) struct Rows<T> {
    lanes: usize,
    size: usize,
    /// Distance between rows, in numbers.
    pitch: usize,
    numbers: Vec<T>,
}

impl<T: SimdFloat> Rows<T> {
    /// Allocates `count` rows, padded to whole groups and to whole registers of `lanes` rows.
    pub fn new(count: usize, size: usize, lanes: usize) -> Self {
        let pitch = size.next_multiple_of(lanes);
        Self { lanes, size, pitch, numbers: vec![T::ZERO; count.next_multiple_of(lanes.max(GROUP)) * pitch] }
    }

    /// Sets `count` rows to zero, and the padding up to whole groups and registers.
    pub fn clear(&mut self, count: usize) {
        let rows = count.next_multiple_of(self.lanes.max(GROUP));
        self.numbers[..rows * self.pitch].fill(T::ZERO);
    }

    /// Returns a range of rows.
    pub fn rows(&self, which: Range<usize>) -> RowSlice<'_, T> {
        let numbers = &self.numbers[which.start * self.pitch..which.end * self.pitch];
        RowSlice { size: self.size, pitch: self.pitch, numbers }
    }

    /// Returns the first `count` rows, padded to whole groups, and their pitch.
    pub fn groups_mut(&mut self, count: usize) -> (&mut [T], usize) {
        (&mut self.numbers[..count.next_multiple_of(GROUP) * self.pitch], self.pitch)
    }

    /// Returns the rows of the lanes of a register, padded to a whole group or register, and their pitch.
    pub fn lanes_mut(&mut self, which: Range<usize>) -> (&mut [T], usize) {
        let end = which.start + which.len().next_multiple_of(GROUP).min(self.lanes);
        (&mut self.numbers[which.start * self.pitch..end * self.pitch], self.pitch)
    }

    /// Copies these columns of the tokens' rows in `from` (of `width` numbers) to the rows.
    pub fn load(&mut self, tokens: &[usize], from: &[T], width: usize, columns: Range<usize>) {
        for (into, token) in self.numbers.chunks_exact_mut(self.pitch).zip(tokens) {
            copy(&mut into[..self.size], &from[token * width..][columns.clone()]);
        }
    }

    /// Copies the rows to these columns of the tokens' rows in `into` (of `width` numbers).
    pub fn store(&self, tokens: &[usize], into: &mut [T], width: usize, columns: Range<usize>) {
        for (from, token) in self.numbers.chunks_exact(self.pitch).zip(tokens) {
            copy(&mut into[token * width..][columns.clone()], &from[..self.size]);
        }
    }
}

/// A range of [`Rows`].
#[derive(Clone, Copy)]
pub(crate) struct RowSlice<'a, T> {
    size: usize,
    pitch: usize,
    numbers: &'a [T],
}

impl<'a, T> RowSlice<'a, T> {
    fn iter(&self) -> std::slice::ChunksExact<'a, T> {
        self.numbers.chunks_exact(self.pitch)
    }
}

/// Transposes rows: each becomes a lane, component by component. Lanes without a row are zero.
#[inline(always)]
pub(crate) fn transpose<T: SimdFloat>(into: &mut [T], lanes: usize, rows: RowSlice<T>) {
    if rows.numbers.len() < lanes * rows.pitch {
        into.fill(T::ZERO);
    }
    for (lane, row) in rows.iter().enumerate() {
        let (chunks, last) = row[..rows.size].as_chunks::<CHUNK>();
        // The compiler makes single moves of chunks of constant size.
        for (into, chunk) in into.chunks_exact_mut(CHUNK * lanes).zip(chunks) {
            (0..CHUNK).for_each(|k| into[k * lanes + lane] = chunk[k]);
        }
        let into = &mut into[chunks.len() * CHUNK * lanes..];
        last.iter().enumerate().for_each(|(k, number)| into[k * lanes + lane] = *number);
    }
}

/// Computes `into[j][lane] = start(j) + Σₖ transposed[k][lane] rows[j][k]`, for whole groups of rows.
#[inline(always)]
pub(crate) fn matmul<T: SimdFloat, S: Simd>(
    simd: S,
    into: &mut [T],
    transposed: &[T],
    rows: &Rows<T>,
    start: impl Fn(usize) -> T,
) {
    let (into, transposed) = (T::vectors_mut::<S>(into).as_chunks_mut::<GROUP>().0, T::vectors::<S>(transposed));
    for (group, (into, rows)) in into.iter_mut().zip(rows.numbers.chunks_exact(GROUP * rows.pitch)).enumerate() {
        let first = |i: usize| T::splat(simd, start(group * GROUP + i));
        let mut sums = [first(0), first(1), first(2), first(3)];
        let pitch = rows.len() / GROUP;
        let (pair, other) = rows.split_at(2 * pitch);
        let ((a, b), (c, d)) = (pair.split_at(pitch), other.split_at(pitch));
        for ((((x, a), b), c), d) in transposed.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] = T::multiply_add(simd, *x, T::splat(simd, *a), sums[0]);
            sums[1] = T::multiply_add(simd, *x, T::splat(simd, *b), sums[1]);
            sums[2] = T::multiply_add(simd, *x, T::splat(simd, *c), sums[2]);
            sums[3] = T::multiply_add(simd, *x, T::splat(simd, *d), sums[3]);
        }
        *into = sums;
    }
}

/// Computes `into[a][k] += Σ_b weights[a][b] rows[b][k]`, for whole groups of `into`; b runs over lanes.
#[inline(always)]
pub(crate) fn combine<T: SimdFloat, S: Simd>(simd: S, into: (&mut [T], usize), weights: &[T], rows: RowSlice<T>) {
    combine_groups::<GROUP, T, S>(simd, into, (weights, T::count::<S>(), 1), rows);
}

/// Computes `into[a][k] += Σ_b weights[b][a] rows[b][k]`; a runs over lanes.
#[inline(always)]
pub(crate) fn combine_lanes<T: SimdFloat, S: Simd>(simd: S, into: (&mut [T], usize), weights: &[T], rows: RowSlice<T>) {
    let weights = (weights, 1, T::count::<S>());
    // A group must not be larger than a register: the next register belongs to another b.
    match T::count::<S>() {
        1 => combine_groups::<1, T, S>(simd, into, weights, rows),
        2 => combine_groups::<2, T, S>(simd, into, weights, rows),
        _ => combine_groups::<GROUP, T, S>(simd, into, weights, rows),
    }
}

/// Computes `into[a][k] += Σ_b w(a, b) rows[b][k]`, for whole groups of G rows of `into`. w(a, b) is
/// `weights[a·next_a + b·next_b]`.
#[inline(always)]
fn combine_groups<const G: usize, T: SimdFloat, S: Simd>(
    simd: S,
    (into, pitch): (&mut [T], usize),
    (weights, next_a, next_b): (&[T], usize, usize),
    rows: RowSlice<T>,
) {
    for (group, into) in into.chunks_exact_mut(G * pitch).enumerate() {
        let (into, weights) = (T::vectors_mut::<S>(into), &weights[group * G * next_a..]);
        let count = into.len() / G;
        for i in 0..count {
            let mut sums: [_; G] = std::array::from_fn(|a| into[a * count + i]);
            for (b, row) in rows.iter().enumerate() {
                let (x, weights) = (T::vectors::<S>(row)[i], &weights[b * next_b..][..(G - 1) * next_a + 1]);
                for (a, sum) in sums.iter_mut().enumerate() {
                    *sum = T::multiply_add(simd, x, T::splat(simd, weights[a * next_a]), *sum);
                }
            }
            sums.into_iter().enumerate().for_each(|(a, sum)| into[a * count + i] = sum);
        }
    }
}

/// Replaces the scores of each lane by their softmax.
#[inline(always)]
pub(crate) fn softmax<T: SimdFloat, S: Simd>(simd: S, scores: &mut [T::Vector<S>]) {
    let largest = scores.iter().fold(T::splat(simd, T::LOWEST), |most, score| T::larger(simd, most, *score));
    let mut sum = T::splat(simd, T::ZERO);
    for score in scores.iter_mut() {
        *score = T::exp(simd, T::subtract(simd, *score, largest));
        sum = T::add(simd, sum, *score);
    }
    let inverse = T::divide(simd, T::splat(simd, T::ONE), sum);
    scores.iter_mut().for_each(|score| *score = T::multiply(simd, *score, inverse));
}
