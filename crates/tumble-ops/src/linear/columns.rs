//! Products of some rows with a large transposed weight, column by column of the result.
//!
//! Registers hold numbers of several rows, not of several columns. So the rows are packed, not the weight, which is larger;
//! the columns are transposed at the end.

use super::{Place, Weight, multiply};
use crate::Real;
use crate::simd::SimdFloat;
use crate::transpose::transpose;

/// Computes the product with a transposed weight; see [`linear`](super::linear).
pub(super) fn columns<T: Real + SimdFloat>(rows: &[T], weight: Weight<T>, bias: &[T], into: &mut [T]) {
    let out = weight.sizes[1];
    let count = into.len() / out;
    let mut columns = vec![T::ZERO; into.len()];
    columns.chunks_exact_mut(count).zip(bias).for_each(|(column, &bias)| column.fill(bias));
    let place = Place { numbers: &mut columns, next_row: 1, next_column: count };
    multiply(rows, weight, !bias.is_empty(), place);
    transpose(&columns, count, into);
}
