//! For benches: kernels without a model.

use crate::{attention, rowwise};

/// The kernels of attention on tokens in consecutive rows, as many for each center.
pub struct Attention<'a> {
    /// Tokens of a center.
    pub tokens: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// Queries, keys and values `[R, 3·w]`, each of all heads.
    pub rows: &'a [f32],
    /// Of each key `[R]`.
    pub bias: &'a [f32],
}

impl Attention<'_> {
    /// What comes of it, `[R, w]`.
    pub fn forward(&self, into: &mut [f32]) {
        self.with(|inputs| attention::forward(inputs, into));
    }

    /// From the gradient of that, those of the rows and of the bias.
    pub fn backward(&self, gradient: &[f32], rows: &mut [f32], bias: &mut [f32]) {
        self.with(|inputs| attention::backward(inputs, gradient, rows, bias));
    }

    fn with(&self, run: impl FnOnce(attention::Inputs<f32>)) {
        let (count, heads) = (self.bias.len(), self.heads);
        let (source, filled): (Vec<_>, _) = ((0..count).collect(), vec![true; count]);
        let size = self.rows.len() / (3 * count * heads);
        let layout = attention::Layout { places: self.tokens, heads, size, source: &source, filled: &filled };
        run(attention::Inputs { layout, rows: self.rows, bias: self.bias });
    }
}

/// The gradient of x · sigmoid(x) in rows of this width.
pub fn silu_gradient(width: usize, rows: &[f32], gradient: &[f32], into: &mut [f32]) {
    rowwise::apply(rowwise::SiluGradient, width, rows, gradient, into);
}

/// The gradient of a normalization of rows of this width.
pub fn rms_norm_gradient(width: usize, rows: &[f32], gradient: &[f32], into: &mut [f32]) {
    rowwise::apply(rowwise::RmsNormGradient { epsilon: 1e-5 }, width, rows, gradient, into);
}
