//! Transposing matrices.

use pulp::{Arch, Simd, WithSimd};

use crate::simd::SimdFloat;

/// Numbers along an edge of the squares in which a matrix is transposed: a cache line in single precision.
const SQUARE: usize = 16;

/// Writes the transpose of a matrix with rows of `width` numbers.
pub(crate) fn transpose<T: SimdFloat>(matrix: &[T], width: usize, into: &mut [T]) {
    Arch::new().dispatch(Transpose { matrix, width, into });
}

struct Transpose<'a, T> {
    matrix: &'a [T],
    width: usize,
    into: &'a mut [T],
}

impl<T: SimdFloat> WithSimd for Transpose<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix, width, into } = self;
        let height = matrix.len().checked_div(width).unwrap_or(0);
        for row in (0..height).step_by(SQUARE) {
            for column in (0..width).step_by(SQUARE) {
                let (from, to) = (&matrix[row * width + column..], &mut into[column * height + row..]);
                match [(height - row).min(SQUARE), (width - column).min(SQUARE)] {
                    [SQUARE, SQUARE] => transpose_square(from, width, to, height),
                    sides => transpose_corner(sides, from, width, to, height),
                }
            }
        }
    }
}

/// Transposes a square, whose rows are `width` apart, to one whose rows are `height` apart. All of it is read before it is
/// written, so that each line of the matrix and of the result goes through the caches once.
#[inline(always)]
fn transpose_square<T: SimdFloat>(from: &[T], width: usize, to: &mut [T], height: usize) {
    let square: [[T; SQUARE]; SQUARE] = std::array::from_fn(|row| *from[row * width..].first_chunk().expect("a row"));
    for column in 0..SQUARE {
        let line = std::array::from_fn(|row| square[row][column]);
        *to[column * height..].first_chunk_mut::<SQUARE>().expect("a row") = line;
    }
}

/// Transposes a rectangle at the edges of the matrix.
#[inline(always)]
fn transpose_corner<T: SimdFloat>(sides: [usize; 2], from: &[T], width: usize, to: &mut [T], height: usize) {
    for row in 0..sides[0] {
        for column in 0..sides[1] {
            to[column * height + row] = from[row * width + column];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for [height, width] in [[0, 3], [3, 0], [1, 1], [2, 5], [16, 16], [17, 33], [40, 15]] {
            let matrix: Vec<f32> = (0..height * width).map(|i| i as f32).collect();
            let mut found = vec![f32::NAN; matrix.len()];
            transpose(&matrix, width, &mut found);
            let expected = (0..width).flat_map(|column| (0..height).map(move |row| (row * width + column) as f32));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
}
