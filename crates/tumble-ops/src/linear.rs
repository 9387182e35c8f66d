//! Products of rows with a constant weight: `rows · weight + bias`, or with the weight transposed.
//!
//! The weight is read where it lies, and not packed beforehand, so that one copy serves all sessions of all processes,
//! forward and backward. The `gemm` crate packs blocks of it on its way if there are many rows. For fewer rows (molecules,
//! the atoms of a small box) that would take a multiple of the time: there are three other ways for them.

mod columns;
mod in_order;
mod scalar_products;

use gemm::Parallelism;
use pulp::{Arch, Simd, WithSimd};

use self::columns::columns;
use self::in_order::InOrder;
use self::scalar_products::ScalarProducts;
use crate::Real;
use crate::simd::{SimdFloat, copy};
use crate::threads::Threads;

/// Numbers of a transposed weight for each row that is not multiplied by packing the weight, and most of such rows: with
/// more, packing costs less than it saves (measured with weights of 16 thousand to 4 million numbers).
const NUMBERS_PER_ROW: usize = 1024;
const MOST_ROWS: usize = 384;

/// Most rows that are multiplied by scalar products.
const MOST_SCALAR: usize = 20;

/// Fewest numbers in a row whose product is computed by columns: of shorter ones, transposing the result takes too long.
const LONG_ROW: usize = 256;

/// Most rows that are multiplied with a weight in its order.
const FEW_ROWS: usize = 12;

/// Rows, of the weight and of the input, per step of the products of few rows.
const BLOCK: usize = 4;

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
    if into.is_empty() {
        return;
    }
    let Weight { numbers, sizes, .. } = weight;
    match Way::of(weight, into.len() / sizes[1]) {
        Way::ByColumns => columns(rows, weight, bias, into),
        Way::Packed => {
            let add = !bias.is_empty();
            if add {
                begin(bias, into);
            }
            multiply(rows, weight, add, Place { numbers: into, next_row: sizes[1], next_column: 1 });
        }
        Way::ByScalarProducts => {
            begin(bias, into);
            Arch::new().dispatch(ScalarProducts { rows, weight: numbers, sizes, into });
        }
        Way::InOrder => {
            begin(bias, into);
            Arch::new().dispatch(InOrder { rows, weight: numbers, sizes, into });
        }
    }
}

/// A way to compute a product.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// By packing blocks of the weight: for many rows.
    Packed,
    /// With a weight [in, out], some of its rows after the other.
    InOrder,
    /// By the scalar products of the rows with those of a weight [out, in].
    ByScalarProducts,
    /// With a weight [out, in], columns of the result.
    ByColumns,
}

impl Way {
    /// Returns the fastest way for some rows.
    fn of<T>(weight: Weight<T>, rows: usize) -> Self {
        let few = MOST_ROWS.min(weight.numbers.len() / NUMBERS_PER_ROW);
        match weight.transposed {
            false if rows <= FEW_ROWS => Self::InOrder,
            true if rows <= few.min(MOST_SCALAR) => Self::ByScalarProducts,
            true if rows <= few && weight.sizes[0] >= LONG_ROW => Self::ByColumns,
            _ => Self::Packed,
        }
    }
}

/// Writes the bias, or zeros, to all rows.
fn begin<T: SimdFloat>(bias: &[T], into: &mut [T]) {
    match bias {
        [] => into.fill(T::ZERO),
        row => Arch::new().dispatch(Repeat { row, into }),
    }
}

/// The place of a result: its numbers, and how far rows and columns are apart.
struct Place<'a, T> {
    numbers: &'a mut [T],
    next_row: usize,
    next_column: usize,
}

/// Computes the product by the `gemm` crate; `add`: adds it to the results that are there.
fn multiply<T: Real>(rows: &[T], weight: Weight<T>, add: bool, into: Place<T>) {
    let [size, out] = weight.sizes;
    let count = into.numbers.len() / out;
    let [next_row, next_column] = if weight.transposed { [1, size as isize] } else { [out as isize, 1] };
    let one = T::from_f64(1.0);
    assert_eq!([rows.len(), weight.numbers.len(), into.numbers.len()], [count * size, size * out, count * out]);
    assert!([[out, 1], [1, count]].contains(&[into.next_row, into.next_column]));
    // SAFETY: the three matrices are whole slices, by the assertions above, and the result is borrowed alone.
    #[expect(unsafe_code, reason = "the crate takes pointers only")]
    unsafe {
        gemm::gemm(
            count,
            out,
            size,
            into.numbers.as_mut_ptr(),
            into.next_column as isize,
            into.next_row as isize,
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

/// Returns sum + x · y.
#[inline(always)]
fn add<T: Real>(sum: T, x: T, y: T) -> T {
    T::from_f64(x.to_f64().mul_add(y.to_f64(), sum.to_f64()))
}

#[cfg(test)]
mod tests;
