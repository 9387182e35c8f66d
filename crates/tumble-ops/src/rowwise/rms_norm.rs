//! RMSNorm: rows divided by their root mean square.

use pulp::Simd;

use super::{Function, Row, mean_product};
use crate::Real;
use crate::simd::SimdFloat;

/// RMSNorm: x / √(mean of x² + ε).
#[derive(Clone, Copy)]
pub(crate) struct RmsNorm {
    pub epsilon: f64,
}

impl Function for RmsNorm {
    const PARTS: [usize; 3] = [1, 0, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let inverse = self.inverse(simd, &row);
        let inverse = T::splat(simd, T::from_f64(inverse));
        for (x, y) in row.numbers.iter().zip(into) {
            *y = T::multiply(simd, *x, inverse);
        }
    }
}

impl RmsNorm {
    #[inline(always)]
    fn inverse<T: Real + SimdFloat, S: Simd>(self, simd: S, row: &Row<'_, T, S>) -> f64 {
        1.0 / (mean_product::<T, S>(simd, row.numbers, row.numbers, row.width) + self.epsilon).sqrt()
    }
}

/// Gradient of RMSNorm: (g - y · mean of y g) / √(mean of x² + ε), with the gradient g of the result y.
#[derive(Clone, Copy)]
pub(crate) struct RmsNormGradient {
    pub epsilon: f64,
}

impl Function for RmsNormGradient {
    const PARTS: [usize; 3] = [1, 1, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let inverse = RmsNorm { epsilon: self.epsilon }.inverse(simd, &row);
        let along = mean_product::<T, S>(simd, row.gradient, row.numbers, row.width) * inverse * inverse;
        let (inverse, along) = (T::splat(simd, T::from_f64(inverse)), T::splat(simd, T::from_f64(-along)));
        for ((x, gradient), into) in row.numbers.iter().zip(row.gradient).zip(into) {
            *into = T::multiply(simd, T::multiply_add(simd, *x, along, *gradient), inverse);
        }
    }
}
