//! Access to the kernels for benchmarks, without a model.

use crate::linear::Weight;
use crate::threads::Threads;
use crate::{attention, linear, rowwise};

/// Input of the attention kernels: tokens in consecutive rows, the same number for each center.
pub struct Attention<'a> {
    /// Tokens per center.
    pub tokens: usize,
    /// Attention heads.
    pub heads: usize,
    /// Queries, keys and values of all heads, `[R, 3·w]`.
    pub rows: &'a [f32],
    /// Bias of each key, `[R]`.
    pub bias: &'a [f32],
}

impl Attention<'_> {
    /// Computes the attention, `[R, w]`.
    pub fn forward(&self, into: &mut [f32]) {
        self.with(|inputs| attention::forward(Threads::One, inputs, into));
    }

    /// Computes the gradients of the rows and of the bias from the gradient of the result.
    pub fn backward(&self, gradient: &[f32], rows: &mut [f32], bias: &mut [f32]) {
        self.with(|inputs| attention::backward(Threads::One, inputs, gradient, rows, bias));
    }

    fn with(&self, run: impl FnOnce(attention::Inputs<f32>) -> ort::Result<()>) {
        let (count, heads) = (self.bias.len(), self.heads);
        let (source, filled): (Vec<_>, _) = ((0..count as i64).collect(), vec![true; count]);
        let size = self.rows.len() / (3 * count * heads);
        let layout = attention::Layout { places: self.tokens, heads, size, source: &source, filled: &filled };
        run(attention::Inputs { layout, rows: self.rows, bias: self.bias }).expect("each token is in one place");
    }
}

/// Computes the gradient of SiLU, x · sigmoid(x), in rows of this width.
pub fn silu_gradient(width: usize, rows: &[f32], gradient: &[f32], into: &mut [f32]) {
    on_one_thread(rowwise::SiluGradient, width, rows, gradient, into);
}

/// Computes the gradient of RMSNorm in rows of this width.
pub fn rms_norm_gradient(width: usize, rows: &[f32], gradient: &[f32], into: &mut [f32]) {
    on_one_thread(rowwise::RmsNormGradient { epsilon: 1e-5 }, width, rows, gradient, into);
}

fn on_one_thread(function: impl rowwise::Function, width: usize, rows: &[f32], gradient: &[f32], into: &mut [f32]) {
    let done = rowwise::apply(Threads::One, function, width, (rows, gradient), into);
    done.expect("one thread needs no ONNX Runtime");
}

/// Computes rows · weight, `[R, in]` and `[in, out]`, or `[out, in]` if transposed.
pub fn linear(rows: &[f32], numbers: &[f32], sizes: [usize; 2], transposed: bool, into: &mut [f32]) {
    linear::linear(rows, Weight { numbers, sizes, transposed }, &[], into);
}
