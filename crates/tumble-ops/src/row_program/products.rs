//! Transposed weights, turned once for all blocks of rows: a product with a block would turn them again each time.

use std::ops::Range;

use crate::linear::Weight;
use crate::simd::{SimdFloat, copy};

/// Numbers along an edge of the squares in which a weight is turned: a cache line in single precision.
const SQUARE: usize = 16;

/// Writes the numbers of a weight [out, in] as [in, out].
pub(super) fn turn<T: SimdFloat>(weight: Weight<T>, into: &mut [T]) {
    let [size, out] = weight.sizes;
    for first in (0..out).step_by(SQUARE) {
        for start in (0..size).step_by(SQUARE) {
            turn_square(weight, first..out.min(first + SQUARE), start..size.min(start + SQUARE), into);
        }
    }
}

/// Turns the numbers of some rows and columns of the weight. They go through a square of their own, so that lines of the
/// weight and of the result are read and written once.
fn turn_square<T: SimdFloat>(weight: Weight<T>, rows: Range<usize>, columns: Range<usize>, into: &mut [T]) {
    let ([size, out], mut square) = (weight.sizes, [[T::ZERO; SQUARE]; SQUARE]);
    for (square, row) in square.iter_mut().zip(rows.clone()) {
        copy(&mut square[..columns.len()], &weight.numbers[row * size..][columns.clone()]);
    }
    for (k, column) in columns.enumerate() {
        let line: [T; SQUARE] = std::array::from_fn(|row| square[row][k]);
        copy(&mut into[column * out..][rows.clone()], &line[..rows.len()]);
    }
}
