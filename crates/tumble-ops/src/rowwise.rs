//! Functions of each row of a tensor, and their gradients: activations (SiLU, GLU) and normalizations (RMSNorm,
//! LayerNorm), each in one pass through memory.

mod glu;
mod layer_norm;
mod rms_norm;
mod silu;

use pulp::{Arch, Simd, WithSimd};

pub(crate) use self::glu::{Glu, GluGradient};
pub(crate) use self::layer_norm::{LayerNorm, LayerNormGradient};
pub(crate) use self::rms_norm::{RmsNorm, RmsNormGradient};
pub(crate) use self::silu::{Silu, SiluGradient};
use crate::Real;
use crate::simd::{SimdFloat, copy};
use crate::threads::Threads;

/// Numbers in the largest register.
const MOST_LANES: usize = 16;

/// A function of a row, or its gradient. A row has one part, or two parts of the same width side by side.
pub(crate) trait Function: Copy + Send + Sync {
    /// Parts of the row, of the gradient (0 without one), and of the result.
    const PARTS: [usize; 3];

    /// Computes one row. Each part is padded with zeros to whole registers.
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]);
}

/// A row, and the gradient of the function's result. `width` is that of a part.
pub(crate) struct Row<'a, T: SimdFloat, S: Simd> {
    numbers: &'a [T::Vector<S>],
    gradient: &'a [T::Vector<S>],
    width: usize,
    /// 1 in the lanes of a part's last register that hold numbers, 0 in the padding.
    last: T::Vector<S>,
}

/// Numbers of a part of the rows, at least.
const PART: usize = 16 * 1024;

/// Applies a function to all rows; the rows, the gradient and the result are `[R, parts · width]`.
pub(crate) fn apply<T: Real + SimdFloat, F: Function>(
    threads: Threads,
    function: F,
    width: usize,
    (rows, gradient): (&[T], &[T]),
    into: &mut [T],
) -> ort::Result<()> {
    let [of_row, of_gradient, of_result] = F::PARTS.map(|parts| parts * width);
    let count = PART.div_ceil(of_row);
    let parts = into.chunks_mut(count * of_result).enumerate();
    threads.share(parts.collect(), |(part, into)| {
        let (first, count) = (part * count, into.len() / of_result);
        let (rows, gradient) =
            (&rows[first * of_row..][..count * of_row], &gradient[first * of_gradient..][..count * of_gradient]);
        Arch::new().dispatch(Apply { function, width, rows, gradient, into });
    })
}

/// Applies a function with the registers of `simd`, see [`apply`].
#[inline(always)]
pub(crate) fn apply_with<T: Real + SimdFloat, S: Simd, F: Function>(
    simd: S,
    function: F,
    width: usize,
    rows: &[T],
    gradient: &[T],
    into: &mut [T],
) {
    Apply { function, width, rows, gradient, into }.with_simd(simd);
}

struct Apply<'a, T, F> {
    function: F,
    width: usize,
    rows: &'a [T],
    gradient: &'a [T],
    into: &'a mut [T],
}

impl<T: Real + SimdFloat, F: Function> WithSimd for Apply<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { function, width, rows, gradient, into } = self;
        let (lanes, [of_row, of_gradient, of_result]) = (T::count::<S>(), F::PARTS);
        let whole = width.is_multiple_of(lanes);
        let mut last = [T::ZERO; MOST_LANES];
        last[..if whole { lanes } else { width % lanes }].fill(T::ONE);
        let last = T::vectors::<S>(&last)[0];
        let padded = |parts: usize| vec![T::ZERO; if whole { 0 } else { parts * width.next_multiple_of(lanes) }];
        let mut buffers = [padded(of_row), padded(of_gradient), padded(of_result)];
        for (number, into) in into.chunks_exact_mut(of_result * width).enumerate() {
            let row = &rows[number * of_row * width..][..of_row * width];
            let gradient = &gradient[number * of_gradient * width..][..of_gradient * width];
            if whole {
                let (numbers, gradient) = (T::vectors::<S>(row), T::vectors::<S>(gradient));
                function.row::<T, S>(simd, Row { numbers, gradient, width, last }, T::vectors_mut::<S>(into));
                continue;
            }
            let [a, b, c] = &mut buffers;
            copy_parts(a, row, width, lanes);
            copy_parts(b, gradient, width, lanes);
            let (numbers, gradient) = (T::vectors::<S>(a), T::vectors::<S>(b));
            function.row::<T, S>(simd, Row { numbers, gradient, width, last }, T::vectors_mut::<S>(c));
            let parts = into.chunks_exact_mut(width).zip(c.chunks_exact(width.next_multiple_of(lanes)));
            parts.for_each(|(into, from)| copy(into, &from[..width]));
        }
    }
}

fn copy_parts<T: SimdFloat>(into: &mut [T], from: &[T], width: usize, lanes: usize) {
    let parts = into.chunks_exact_mut(width.next_multiple_of(lanes)).zip(from.chunks_exact(width));
    parts.for_each(|(into, from)| copy(&mut into[..width], from));
}

#[inline(always)]
fn mean<T: Real + SimdFloat, S: Simd>(simd: S, numbers: &[T::Vector<S>], width: usize) -> f64 {
    let sum = numbers.iter().fold(T::splat(simd, T::ZERO), |sum, x| T::add(simd, sum, *x));
    T::sum(simd, sum).to_f64() / width as f64
}

#[inline(always)]
fn mean_product<T: Real + SimdFloat, S: Simd>(simd: S, a: &[T::Vector<S>], b: &[T::Vector<S>], width: usize) -> f64 {
    let sum = a.iter().zip(b).fold(T::splat(simd, T::ZERO), |sum, (a, b)| T::multiply_add(simd, *a, *b, sum));
    T::sum(simd, sum).to_f64() / width as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_each_register;

    const ROWS: usize = 3;

    fn wave(count: usize, step: f64) -> Vec<f64> {
        (0..count).map(|i| 3.0 * (step * i as f64 + 1.0).sin()).collect()
    }

    fn applied<F: Function>(function: F, width: usize, rows: &[f64], gradient: &[f64]) -> Vec<f64> {
        let mut into = vec![0.0; ROWS * F::PARTS[2] * width];
        apply(Threads::One, function, width, (rows, gradient), &mut into).unwrap();
        into
    }

    /// Compares a function with its expected value for each row, and its gradient with finite differences.
    fn check<F: Function, G: Function>(function: F, gradient: G, expected: impl Fn(&[f64]) -> Vec<f64>) {
        for width in [1, 5, 16, 37] {
            let (rows, weights) = (wave(ROWS * F::PARTS[0] * width, 0.7), wave(ROWS * width, 1.1));
            let found = applied(function, width, &rows, &[]);
            let each = rows.chunks(F::PARTS[0] * width).flat_map(&expected);
            assert!(found.iter().zip(each).all(|(a, b)| (a - b).abs() < 1e-14));
            let total = |i: usize, by: f64| -> f64 {
                let moved = [&rows[..i], &[rows[i] + by], &rows[i + 1..]].concat();
                applied(function, width, &moved, &[]).iter().zip(&weights).map(|(y, weight)| y * weight).sum()
            };
            for (i, slope) in applied(gradient, width, &rows, &weights).into_iter().enumerate() {
                let difference = (total(i, 1e-5) - total(i, -1e-5)) / 2e-5;
                assert!((slope - difference).abs() < 1e-8, "{slope} {difference}");
            }
        }
    }

    /// Compares the results with those of emulated registers.
    #[derive(Clone, Copy)]
    struct SameAsHere;

    impl WithSimd for SameAsHere {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            fn check<S: Simd, F: Function>(simd: S, function: F) {
                for width in [1, 5, 16, 37] {
                    let (rows, gradient) =
                        (wave(ROWS * F::PARTS[0] * width, 0.7), wave(ROWS * F::PARTS[1] * width, 1.1));
                    let mut into = vec![0.0; ROWS * F::PARTS[2] * width];
                    Apply { function, width, rows: &rows, gradient: &gradient, into: &mut into }.with_simd(simd);
                    let expected = applied(function, width, &rows, &gradient);
                    assert!(into.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14));
                }
            }
            check(simd, Silu);
            check(simd, SiluGradient);
            check(simd, Glu);
            check(simd, GluGradient);
            check(simd, RmsNorm { epsilon: 0.01 });
            check(simd, RmsNormGradient { epsilon: 0.01 });
            check(simd, LayerNorm { epsilon: 0.01 });
            check(simd, LayerNormGradient { epsilon: 0.01 });
        }
    }

    #[test]
    fn functions_are_the_same_with_registers_of_one_to_eight_numbers() {
        with_each_register(SameAsHere);
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn activations_agree_with_their_formulas() {
        check(Silu, SiluGradient, |row| row.iter().map(|&x| x * sigmoid(x)).collect());
        check(Glu, GluGradient, |row| {
            let (values, gates) = row.split_at(row.len() / 2);
            values.iter().zip(gates).map(|(&value, &gate)| value * sigmoid(gate)).collect()
        });
    }

    #[test]
    fn normalizations_agree_with_their_formulas() {
        let epsilon = 0.01;
        let scaled = |row: &[f64]| -> Vec<f64> {
            let mean = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
            row.iter().map(|x| x / (mean + epsilon).sqrt()).collect()
        };
        check(RmsNorm { epsilon }, RmsNormGradient { epsilon }, scaled);
        check(LayerNorm { epsilon }, LayerNormGradient { epsilon }, |row| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            scaled(&row.iter().map(|x| x - mean).collect::<Vec<_>>())
        });
    }

    #[test]
    fn silu_of_large_numbers_is_zero_or_the_number_itself() {
        let mut found = [0.0f32; 4];
        apply(Threads::One, Silu, 4, (&[-1e4, -200.0, 200.0, 1e4], &[]), &mut found).unwrap();
        assert!(found[0].abs() < 1e-30 && found[1].abs() < 1e-30);
        assert_eq!(found[2..], [200.0, 1e4]);
        apply(Threads::One, SiluGradient, 4, (&[-1e4, -200.0, 200.0, 1e4], &[1.0; 4]), &mut found).unwrap();
        assert!(found[0].abs() < 1e-30 && found[1].abs() < 1e-30);
        assert_eq!(found[2..], [1.0, 1.0]);
    }
}
