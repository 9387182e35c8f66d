//! LayerNorm: rows shifted to mean 0 and divided by their standard deviation.

use pulp::Simd;

use super::{Function, Row, mean, mean_product};
use crate::Real;
use crate::simd::SimdFloat;

/// LayerNorm: (x - mean) / √(variance + ε).
#[derive(Clone, Copy)]
pub(crate) struct LayerNorm {
    pub epsilon: f64,
}

impl Function for LayerNorm {
    const PARTS: [usize; 3] = [1, 0, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let inverse = self.center(simd, &row, into);
        let inverse = T::splat(simd, T::from_f64(inverse));
        for y in into {
            *y = T::multiply(simd, *y, inverse);
        }
    }
}

impl LayerNorm {
    /// Writes x - mean to `into`; returns 1 / √(variance + ε).
    #[inline(always)]
    fn center<T: Real + SimdFloat, S: Simd>(self, simd: S, row: &Row<'_, T, S>, into: &mut [T::Vector<S>]) -> f64 {
        let mean = T::splat(simd, T::from_f64(mean::<T, S>(simd, row.numbers, row.width)));
        for (x, into) in row.numbers.iter().zip(into.iter_mut()) {
            *into = T::subtract(simd, *x, mean);
        }
        if let Some(end) = into.last_mut() {
            *end = T::multiply(simd, *end, row.last);
        }
        1.0 / (mean_product::<T, S>(simd, into, into, row.width) + self.epsilon).sqrt()
    }
}

/// Gradient of LayerNorm: (g - mean of g - y · mean of y g) / √(variance + ε), with the gradient g of the result y.
#[derive(Clone, Copy)]
pub(crate) struct LayerNormGradient {
    pub epsilon: f64,
}

impl Function for LayerNormGradient {
    const PARTS: [usize; 3] = [1, 1, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let inverse = LayerNorm { epsilon: self.epsilon }.center(simd, &row, into);
        let along = mean_product::<T, S>(simd, row.gradient, into, row.width) * inverse * inverse;
        let level = T::splat(simd, T::from_f64(mean::<T, S>(simd, row.gradient, row.width)));
        let (inverse, along) = (T::splat(simd, T::from_f64(inverse)), T::splat(simd, T::from_f64(-along)));
        for (gradient, into) in row.gradient.iter().zip(into) {
            let rest = T::multiply_add(simd, *into, along, T::subtract(simd, *gradient, level));
            *into = T::multiply(simd, rest, inverse);
        }
    }
}
