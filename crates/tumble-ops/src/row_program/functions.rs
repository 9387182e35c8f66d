//! Activations and normalizations in blocks of rows.

use pulp::Simd;

use super::RowFunction;
use crate::Real;
use crate::rowwise::{
    Glu, GluGradient, LayerNorm, LayerNormGradient, RmsNorm, RmsNormGradient, Silu, SiluGradient, apply_with,
};
use crate::simd::SimdFloat;

/// Applies an activation or a normalization, or its gradient, to rows; the result has rows of this `width`.
#[inline(always)]
pub(super) fn rowwise<T: Real + SimdFloat, S: Simd>(
    simd: S,
    function: RowFunction,
    width: usize,
    rows: &[T],
    gradient: &[T],
    into: &mut [T],
) {
    let (epsilon, width) = (f64::from_bits, width / function.parts()[2]);
    match function {
        RowFunction::Silu => apply_with(simd, Silu, width, rows, gradient, into),
        RowFunction::SiluGradient => apply_with(simd, SiluGradient, width, rows, gradient, into),
        RowFunction::Glu => apply_with(simd, Glu, width, rows, gradient, into),
        RowFunction::GluGradient => apply_with(simd, GluGradient, width, rows, gradient, into),
        RowFunction::RmsNorm(bits) => apply_with(simd, RmsNorm { epsilon: epsilon(bits) }, width, rows, gradient, into),
        RowFunction::RmsNormGradient(bits) => {
            apply_with(simd, RmsNormGradient { epsilon: epsilon(bits) }, width, rows, gradient, into);
        }
        RowFunction::LayerNorm(bits) => {
            apply_with(simd, LayerNorm { epsilon: epsilon(bits) }, width, rows, gradient, into);
        }
        RowFunction::LayerNormGradient(bits) => {
            apply_with(simd, LayerNormGradient { epsilon: epsilon(bits) }, width, rows, gradient, into);
        }
    }
}
