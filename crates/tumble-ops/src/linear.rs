//! Products of rows with a constant weight: `rows · weight + bias`, or with the weight transposed.
//!
//! The weight is read where it lies, and not packed beforehand, so that one copy serves all sessions of all processes,
//! forward and backward. The `gemm` crate packs blocks of it on its way if there are many rows. For few rows (molecules)
//! that would take a multiple of the time: a transposed weight is multiplied by scalar products here, any other in its
//! order.

use gemm::Parallelism;
use pulp::{Arch, Simd, WithSimd};

use crate::Real;
use crate::simd::{SimdFloat, copy};
use crate::threads::Threads;

/// Numbers of a transposed weight for each row that is multiplied by scalar products, and most of such rows: with more,
/// packing the weight costs less than it saves (measured with weights of 32 thousand to 4 million numbers).
const NUMBERS_PER_ROW: usize = 1024;
const MOST_ROWS: usize = 384;

/// Rows of the weight, and of the input, per step of the scalar products.
const BLOCK: usize = 4;

/// Most rows that are multiplied with a weight in its order.
const FEW_ROWS: usize = 12;

/// Rows of a weight that are read side by side, and the most numbers of a weight that stays in the first cache.
const DEPTH: usize = 8;
const RESIDENT: usize = 8 * 1024;

/// A constant weight.
#[derive(Clone, Copy)]
pub(crate) struct Weight<'a, T> {
    /// Its numbers: [in, out], or [out, in] if `transposed`.
    pub numbers: &'a [T],
    /// Numbers in a row of the input and of the result.
    pub sizes: [usize; 2],
    pub transposed: bool,
}

/// Rows that are a part of the work of several threads.
const PART: usize = MOST_ROWS;

/// Computes the product, see [`linear`], on several threads.
pub(crate) fn linear_on<T: Real + SimdFloat>(
    threads: Threads,
    rows: &[T],
    weight: Weight<T>,
    bias: &[T],
    into: &mut [T],
) -> ort::Result<()> {
    let [size, out] = weight.sizes;
    let parts = into.chunks_mut((PART * out).max(1)).enumerate();
    threads.share(parts.collect(), |(part, into)| {
        linear(&rows[part * PART * size..][..into.len() / out * size], weight, bias, into);
    })
}

/// Computes rows [R, in] · weight + bias [out] (or none) -> [R, out].
pub(crate) fn linear<T: Real + SimdFloat>(rows: &[T], weight: Weight<T>, bias: &[T], into: &mut [T]) {
    let out = weight.sizes[1];
    if into.is_empty() {
        return;
    }
    let most = if weight.transposed { MOST_ROWS.min(weight.numbers.len() / NUMBERS_PER_ROW) } else { FEW_ROWS };
    let few = into.len() <= out * most;
    match bias {
        [] if few => into.fill(T::ZERO),
        [] => {}
        bias => Arch::new().dispatch(Repeat { row: bias, into }),
    }
    let Weight { numbers, sizes, transposed } = weight;
    match (few, transposed) {
        (true, true) => Arch::new().dispatch(Few { rows, weight: numbers, sizes, into }),
        (true, false) => Arch::new().dispatch(InOrder { rows, weight: numbers, sizes, into }),
        (false, _) => many(rows, weight, !bias.is_empty(), into),
    }
}

/// Computes the product for many rows; `add`: adds it to the results that are there.
fn many<T: Real>(rows: &[T], weight: Weight<T>, add: bool, into: &mut [T]) {
    let [size, out] = weight.sizes;
    let count = into.len() / out;
    let [next_row, next_column] = if weight.transposed { [1, size as isize] } else { [out as isize, 1] };
    let one = T::from_f64(1.0);
    assert_eq!([rows.len(), weight.numbers.len(), into.len()], [count * size, size * out, count * out]);
    // SAFETY: the three matrices are whole slices, by the assertion above, and `into` is borrowed alone.
    #[expect(unsafe_code, reason = "the crate takes pointers only")]
    unsafe {
        gemm::gemm(
            count,
            out,
            size,
            into.as_mut_ptr(),
            1,
            out as isize,
            add,
            rows.as_ptr(),
            1,
            size as isize,
            weight.numbers.as_ptr(),
            next_column,
            next_row,
            one,
            one,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Writes a row to all rows.
struct Repeat<'a, T> {
    row: &'a [T],
    into: &'a mut [T],
}

impl<T: SimdFloat> WithSimd for Repeat<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.into.chunks_exact_mut(self.row.len()).for_each(|into| copy(into, self.row));
    }
}

/// Adds the scalar products of a few rows with those of a weight [out, in].
struct Few<'a, T> {
    rows: &'a [T],
    weight: &'a [T],
    sizes: [usize; 2],
    into: &'a mut [T],
}

impl<T: Real + SimdFloat> WithSimd for Few<'_, T> {
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

/// Adds the products of a few rows with a weight [in, out], some rows of the weight after the other: a large one is read
/// from memory in its order.
struct InOrder<'a, T> {
    rows: &'a [T],
    weight: &'a [T],
    sizes: [usize; 2],
    into: &'a mut [T],
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

/// Returns sum + x · y.
#[inline(always)]
fn add<T: Real>(sum: T, x: T, y: T) -> T {
    T::from_f64(x.to_f64().mul_add(y.to_f64(), sum.to_f64()))
}

#[cfg(test)]
mod tests;
