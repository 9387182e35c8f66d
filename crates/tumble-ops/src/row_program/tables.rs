//! Rows of tables, read in another order.

use std::ops::Range;

use crate::simd::copy;

/// Copies the rows `[.., width]` of a table at indices, of which a negative one counts from the end.
pub(super) fn gather<T: Copy>(table: &[T], indices: &[i64], width: usize, into: &mut [T]) {
    let count = (table.len() / width) as i64;
    for (into, &index) in into.chunks_exact_mut(width).zip(indices) {
        let row = if index < 0 { index + count } else { index } as usize;
        copy(into, &table[row * width..][..width]);
    }
}

/// Copies a range of the numbers of two tables, one after the other.
pub(super) fn join<T: Copy>(first: &[T], second: &[T], range: Range<usize>, into: &mut [T]) {
    let (head, tail) = into.split_at_mut(first.len().clamp(range.start, range.end) - range.start);
    head.copy_from_slice(&first[range.start.min(first.len())..][..head.len()]);
    tail.copy_from_slice(&second[range.start.max(first.len()) - first.len()..][..tail.len()]);
}
