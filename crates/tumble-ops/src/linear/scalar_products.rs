//! Products of a few rows with a transposed weight, each number as a scalar product of two rows.

use pulp::{Simd, WithSimd};

use super::{BLOCK, add};
use crate::Real;
use crate::simd::SimdFloat;

/// Adds the scalar products of a few rows with those of a weight [out, in].
pub(super) struct ScalarProducts<'a, T> {
    pub rows: &'a [T],
    pub weight: &'a [T],
    pub sizes: [usize; 2],
    pub into: &'a mut [T],
}

impl<T: Real + SimdFloat> WithSimd for ScalarProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, weight, sizes: [size, out], into } = self;
        for (block, weight) in weight.chunks(BLOCK * size.max(1)).enumerate() {
            for (rows, into) in rows.chunks(BLOCK * size).zip(into.chunks_mut(BLOCK * out)) {
                block_products::<T, S>(simd, rows, weight, size, &mut into[block * BLOCK..], out);
            }
        }
    }
}

/// Adds the scalar products of a block of rows with a block of rows of the weight to `into`, whose rows are `next`
/// apart.
#[inline(always)]
fn block_products<T: Real + SimdFloat, S: Simd>(
    simd: S,
    rows: &[T],
    weight: &[T],
    size: usize,
    into: &mut [T],
    next: usize,
) {
    if weight.len() < BLOCK * size {
        for (column, weight) in weight.chunks_exact(size).enumerate() {
            for (row, into) in rows.chunks_exact(size).zip(into[column..].chunks_mut(next)) {
                scalar_products::<1, 1, T, S>(simd, row, weight, size, into, next);
            }
        }
        return;
    }
    match rows.len() / size {
        1 => scalar_products::<1, BLOCK, T, S>(simd, rows, weight, size, into, next),
        2 => scalar_products::<2, BLOCK, T, S>(simd, rows, weight, size, into, next),
        3 => scalar_products::<3, BLOCK, T, S>(simd, rows, weight, size, into, next),
        _ => scalar_products::<BLOCK, BLOCK, T, S>(simd, rows, weight, size, into, next),
    }
}

/// Adds the scalar products of R rows with W rows of the weight.
#[inline(always)]
fn scalar_products<const R: usize, const W: usize, T: Real + SimdFloat, S: Simd>(
    simd: S,
    rows: &[T],
    weight: &[T],
    size: usize,
    into: &mut [T],
    next: usize,
) {
    let rows: [&[T]; R] = std::array::from_fn(|row| &rows[row * size..][..size]);
    let weight: [&[T]; W] = std::array::from_fn(|row| &weight[row * size..][..size]);
    let count = size / T::count::<S>();
    let (x, y) = (rows.map(|row| &T::vectors::<S>(row)[..count]), weight.map(|row| &T::vectors::<S>(row)[..count]));
    let mut sums = [[T::splat(simd, T::ZERO); W]; R];
    for i in 0..count {
        for (sums, x) in sums.iter_mut().zip(&x) {
            sums.iter_mut().zip(&y).for_each(|(sum, y)| *sum = T::multiply_add(simd, x[i], y[i], *sum));
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (w, sum) in sums.iter().enumerate() {
            let rest = size - size % T::count::<S>()..size;
            let rest = rows[r][rest.clone()].iter().zip(&weight[w][rest]);
            let sum = rest.fold(T::sum(simd, *sum), |sum, (x, y)| add(sum, *x, *y));
            into[r * next + w] = add(into[r * next + w], T::ONE, sum);
        }
    }
}
