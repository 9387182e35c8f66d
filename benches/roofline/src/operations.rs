//! Floating-point operations of steps, by their formulas as our kernels compute them. A multiply-add counts 2; other
//! arithmetic, divisions and comparisons that select a number count 1.

use tumble_ops::row_program::{RowFunction, RowStep, Unary};

/// An exp: the nearest power of two (3), the rest (4), a polynomial of degree 6 (12), and their product (1).
pub const EXP: f64 = 20.0;

/// 1 / (1 + exp(-x)).
const SIGMOID: f64 = EXP + 3.0;

/// The operations of a step of a program in a row of the result, which has this width; `from` is that of the first
/// input.
pub fn of_row(step: &RowStep, from: usize, width: usize) -> f64 {
    let (from, width) = (from as f64, width as f64);
    match step {
        RowStep::Linear { .. } => 2.0 * from * width,
        RowStep::Function { function, .. } => of_function(*function) * width / function.parts()[2] as f64,
        RowStep::Unary(Unary::Exp, _) => EXP * width,
        RowStep::Unary(Unary::Sigmoid, _) => SIGMOID * width,
        RowStep::Unary(..) | RowStep::Binary(..) | RowStep::Select(..) => width,
        RowStep::Sum(_) => from,
        _ => 0.0,
    }
}

/// The operations of each number of a part, see the formulas beside the functions. The square root and the division of a
/// normalization are few.
fn of_function(function: RowFunction) -> f64 {
    match function {
        RowFunction::Silu | RowFunction::Glu => SIGMOID + 1.0,
        RowFunction::SiluGradient | RowFunction::GluGradient => SIGMOID + 5.0,
        RowFunction::RmsNorm(_) => 3.0,
        RowFunction::RmsNormGradient(_) => 7.0,
        RowFunction::LayerNorm(_) => 5.0,
        RowFunction::LayerNormGradient(_) => 11.0,
    }
}

/// Attention among the tokens of a center.
#[derive(Clone, Copy)]
pub struct Attention {
    /// Tokens of the center.
    pub tokens: usize,
    /// Numbers in a query, key or value of all heads.
    pub width: usize,
    /// Heads.
    pub heads: usize,
}

impl Attention {
    /// Operations of the products: scores, and sums of values.
    pub fn products(self) -> f64 {
        4.0 * self.pairs() * self.width as f64
    }

    /// Operations of the products of the gradient: scores and gradients of the weights, and sums for the gradients of
    /// queries, keys and values.
    pub fn products_of_gradient(self) -> f64 {
        10.0 * self.pairs() * self.width as f64
    }

    /// Operations with the softmax: largest score, difference, exp and sum for each head, and division.
    pub fn all(self) -> f64 {
        self.products() + self.softmax() + (self.tokens * self.width) as f64
    }

    /// Operations of the gradient with that of the softmax: the softmax once more, its mean, and three products and a
    /// difference.
    pub fn all_of_gradient(self) -> f64 {
        self.products_of_gradient() + self.softmax() + 6.0 * self.scores()
    }

    fn pairs(self) -> f64 {
        (self.tokens * self.tokens) as f64
    }

    fn scores(self) -> f64 {
        self.pairs() * self.heads as f64
    }

    fn softmax(self) -> f64 {
        (EXP + 3.0) * self.scores()
    }
}

#[cfg(test)]
mod tests {
    use tumble_ops::row_program::{Binary, RowOperand};

    use super::*;

    #[test]
    fn operations_of_rows_are_those_of_the_formulas() {
        let linear = RowStep::Linear { rows: 0, weight: 1, bias: None, transposed: true, width: 5 };
        assert_eq!(of_row(&linear, 3, 5), 30.0);
        let function = |function| RowStep::Function { function, rows: 0, gradient: None };
        // (x - mean) / √variance: mean, difference, square and sum, product.
        assert_eq!(of_row(&function(RowFunction::LayerNorm(0)), 8, 8), 8.0 * 5.0);
        // Values and gates are side by side in the result.
        assert_eq!(of_row(&function(RowFunction::GluGradient), 8, 8), 4.0 * (EXP + 8.0));
        let add = RowStep::Binary(Binary::Add, RowOperand::Value(0), RowOperand::Value(1));
        assert_eq!(of_row(&add, 8, 8), 8.0);
        assert_eq!(of_row(&RowStep::Sum(0), 8, 1), 8.0);
        assert_eq!(of_row(&RowStep::Gather(0, 1), 8, 8), 0.0);
    }

    #[test]
    fn operations_of_attention_grow_with_the_square_of_the_tokens() {
        let one = Attention { tokens: 1, width: 8, heads: 2 };
        let many = Attention { tokens: 10, ..one };
        // Query times key, and weight times value.
        assert_eq!(one.products(), 2.0 * 8.0 + 2.0 * 8.0);
        assert_eq!(many.products(), 100.0 * one.products());
        assert_eq!(many.products_of_gradient(), 2.5 * many.products());
        assert_eq!(one.all(), one.products() + 2.0 * (EXP + 3.0) + 8.0);
        assert_eq!(one.all_of_gradient(), one.products_of_gradient() + 2.0 * (EXP + 9.0));
    }
}
