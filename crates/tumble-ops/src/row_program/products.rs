//! Transposed weights, turned once for all blocks of rows: a product with a block would turn them again each time.

use crate::linear::Weight;

/// Numbers along an edge of the squares in which a weight is turned: rows of 64 bytes in single precision.
const SQUARE: usize = 16;

/// Writes the numbers of a weight [out, in] as [in, out].
pub(super) fn turn<T: Copy>(weight: Weight<T>, into: &mut [T]) {
    let [size, out] = weight.sizes;
    for first in (0..out).step_by(SQUARE) {
        for start in (0..size).step_by(SQUARE) {
            let columns = first..out.min(first + SQUARE);
            for k in start..size.min(start + SQUARE) {
                let into = &mut into[k * out..][columns.clone()];
                into.iter_mut().zip(columns.clone()).for_each(|(x, column)| *x = weight.numbers[column * size + k]);
            }
        }
    }
}
