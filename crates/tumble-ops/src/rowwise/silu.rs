//! The activation SiLU.

use pulp::Simd;

use super::{Function, Row};
use crate::Real;
use crate::simd::SimdFloat;

/// SiLU: x · sigmoid(x).
#[derive(Clone, Copy)]
pub(crate) struct Silu;

impl Function for Silu {
    const PARTS: [usize; 3] = [1, 0, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        for (x, y) in row.numbers.iter().zip(into) {
            *y = T::multiply(simd, *x, T::sigmoid(simd, *x));
        }
    }
}

/// Gradient of SiLU: g (s + y - y s), with s = sigmoid(x) and y = x s.
#[derive(Clone, Copy)]
pub(crate) struct SiluGradient;

impl Function for SiluGradient {
    const PARTS: [usize; 3] = [1, 1, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        for ((x, gradient), into) in row.numbers.iter().zip(row.gradient).zip(into) {
            let sigmoid = T::sigmoid(simd, *x);
            let y = T::multiply(simd, *x, sigmoid);
            let slope = T::add(simd, sigmoid, T::subtract(simd, y, T::multiply(simd, y, sigmoid)));
            *into = T::multiply(simd, *gradient, slope);
        }
    }
}
