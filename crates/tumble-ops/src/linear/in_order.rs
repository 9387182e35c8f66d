//! Products of a few rows with a weight in its order.

use pulp::{Simd, WithSimd};

use super::{BLOCK, add};
use crate::Real;
use crate::simd::SimdFloat;

/// Rows of a weight that are read side by side, and the most numbers of a weight that stays in the first cache.
const DEPTH: usize = 8;
const RESIDENT: usize = 8 * 1024;

/// Adds the products of a few rows with a weight [in, out], some rows of the weight after the other: a large one is read
/// from memory in its order.
pub(super) struct InOrder<'a, T> {
    pub rows: &'a [T],
    pub weight: &'a [T],
    pub sizes: [usize; 2],
    pub into: &'a mut [T],
}

impl<T: Real + SimdFloat> WithSimd for InOrder<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, weight, sizes: [size, out], into } = self;
        let depth = if weight.len() <= RESIDENT { size.max(1) } else { DEPTH };
        for (first, weight) in (0..size).step_by(depth).zip(weight.chunks(depth * out)) {
            for (rows, into) in rows.chunks(BLOCK * size).zip(into.chunks_mut(BLOCK * out)) {
                match into.len() / out {
                    1 => add_products::<1, T, S>(simd, &rows[first..], size, weight, into),
                    2 => add_products::<2, T, S>(simd, &rows[first..], size, weight, into),
                    3 => add_products::<3, T, S>(simd, &rows[first..], size, weight, into),
                    _ => add_products::<BLOCK, T, S>(simd, &rows[first..], size, weight, into),
                }
            }
        }
    }
}

/// Adds the products of R rows, which are `next` apart, with some rows of the weight.
#[inline(always)]
fn add_products<const R: usize, T: Real + SimdFloat, S: Simd>(
    simd: S,
    rows: &[T],
    next: usize,
    weight: &[T],
    into: &mut [T],
) {
    let (lanes, out) = (T::count::<S>(), into.len() / R);
    let rows: [&[T]; R] = std::array::from_fn(|row| &rows[row * next..][..weight.len() / out]);
    let (pairs, whole) = (out / (2 * lanes) * 2 * lanes, out / lanes * lanes);
    for column in (0..pairs).step_by(2 * lanes) {
        add_columns::<R, 2, T, S>(simd, rows, &weight[column..], out, &mut into[column..]);
    }
    for column in (pairs..whole).step_by(lanes) {
        add_columns::<R, 1, T, S>(simd, rows, &weight[column..], out, &mut into[column..]);
    }
    for (row, into) in rows.iter().zip(into.chunks_exact_mut(out)) {
        for (x, weight) in row.iter().zip(weight.chunks_exact(out)) {
            into[whole..].iter_mut().zip(&weight[whole..]).for_each(|(into, y)| *into = add(*into, *x, *y));
        }
    }
}

/// Adds the products for C registers of columns; rows of the weight and of the result are `out` apart.
#[inline(always)]
fn add_columns<const R: usize, const C: usize, T: Real + SimdFloat, S: Simd>(
    simd: S,
    rows: [&[T]; R],
    weight: &[T],
    out: usize,
    into: &mut [T],
) {
    let width = C * T::count::<S>();
    let mut sums: [[T::Vector<S>; C]; R] = std::array::from_fn(|row| {
        let sums = T::vectors::<S>(&into[row * out..][..width]);
        std::array::from_fn(|column| sums[column])
    });
    for (k, weight) in weight.chunks(out).enumerate() {
        let weight = T::vectors::<S>(&weight[..width]);
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let x = T::splat(simd, row[k]);
            sums.iter_mut().zip(weight).for_each(|(sum, weight)| *sum = T::multiply_add(simd, x, *weight, *sum));
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        T::vectors_mut::<S>(&mut into[row * out..][..width]).copy_from_slice(sums);
    }
}
