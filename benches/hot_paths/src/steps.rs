//! tumble's kernels for steps of a model: 192 centers with 27 tokens each, 4 heads of 8 components.

use std::hint::black_box;

use tumble_ops::bench_support::{self, Attention};

use crate::Unit;

const CENTERS: usize = 192;
const TOKENS: usize = 27;
const HEADS: usize = 4;
const WIDTH: usize = 32;

/// Numbers between -1 and 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (0.7 * i as f32).sin()).collect()
}

/// Attention among the tokens of each center.
pub fn attention() -> Unit {
    let count = CENTERS * TOKENS;
    let (rows, bias, mut into) = (numbers(count * 3 * WIDTH), numbers(count), numbers(count * WIDTH));
    Box::new(move || {
        let attention = Attention { tokens: TOKENS, heads: HEADS, rows: black_box(&rows), bias: &bias };
        attention.forward(black_box(&mut into));
    })
}

/// Its gradient.
pub fn attention_gradient() -> Unit {
    let count = CENTERS * TOKENS;
    let (rows, bias, gradient) = (numbers(count * 3 * WIDTH), numbers(count), numbers(count * WIDTH));
    let (mut of_rows, mut of_bias) = (rows.clone(), bias.clone());
    Box::new(move || {
        let attention = Attention { tokens: TOKENS, heads: HEADS, rows: black_box(&rows), bias: &bias };
        attention.backward(&gradient, black_box(&mut of_rows), black_box(&mut of_bias));
    })
}

/// The gradient of an activation of each token.
pub fn activation_gradient() -> Unit {
    each_row(bench_support::silu_gradient)
}

/// The gradient of a normalization of each token.
pub fn normalization_gradient() -> Unit {
    each_row(bench_support::rms_norm_gradient)
}

fn each_row(step: fn(usize, &[f32], &[f32], &mut [f32])) -> Unit {
    let [rows, gradient, mut into] = [(); 3].map(|()| numbers(CENTERS * TOKENS * WIDTH));
    Box::new(move || step(WIDTH, black_box(&rows), &gradient, black_box(&mut into)))
}
