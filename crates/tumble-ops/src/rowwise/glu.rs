//! The gated linear unit (GLU).

use pulp::Simd;

use super::{Function, Row};
use crate::Real;
use crate::simd::SimdFloat;

/// GLU: v · sigmoid(g), with the values v in the first part and the gates g in the second.
#[derive(Clone, Copy)]
pub(crate) struct Glu;

impl Function for Glu {
    const PARTS: [usize; 3] = [2, 0, 1];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let (values, gates) = row.numbers.split_at(into.len());
        for ((value, gate), into) in values.iter().zip(gates).zip(into) {
            *into = T::multiply(simd, *value, T::sigmoid(simd, *gate));
        }
    }
}

/// Gradient of GLU: s for values and y (1 - s) for gates, times the gradient of the result, with s = sigmoid(g) and
/// y = v s.
#[derive(Clone, Copy)]
pub(crate) struct GluGradient;

impl Function for GluGradient {
    const PARTS: [usize; 3] = [2, 1, 2];

    #[inline(always)]
    fn row<T: Real + SimdFloat, S: Simd>(self, simd: S, row: Row<'_, T, S>, into: &mut [T::Vector<S>]) {
        let (values, gates) = row.numbers.split_at(row.gradient.len());
        let (of_values, of_gates) = into.split_at_mut(row.gradient.len());
        let parts = values.iter().zip(gates).zip(row.gradient).zip(of_values.iter_mut().zip(of_gates));
        for (((value, gate), gradient), (of_value, of_gate)) in parts {
            let sigmoid = T::sigmoid(simd, *gate);
            let y = T::multiply(simd, *value, sigmoid);
            *of_value = T::multiply(simd, *gradient, sigmoid);
            *of_gate = T::multiply(simd, *gradient, T::subtract(simd, y, T::multiply(simd, y, sigmoid)));
        }
    }
}
