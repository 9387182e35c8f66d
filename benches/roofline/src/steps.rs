//! Each kind of step of our kernels by itself, at the sizes of two models.
//!
//! All but attention are programs of rows with one step, as in a model, whose programs have many.

use std::hint::black_box;

use serde::Serialize;
use tumble_ops::bench_support;
use tumble_ops::row_program::bench_support::{Numbers, Program};
use tumble_ops::row_program::{
    Binary, RowDimension, RowFunction, RowInput, RowOperand, RowOutput, RowProgram, RowStep, Unary,
};

use crate::aligned::Aligned;
use crate::operations::{self, Attention};
use crate::stopwatch::Stopwatch;

/// The sizes of a PET with 192 atoms of liquid water.
pub struct Sizes {
    /// Name of the model.
    pub model: &'static str,
    /// Tokens of each center: itself, and its edges.
    pub tokens: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Numbers of a token inside the feed-forward network.
    pub hidden: usize,
    /// Whether the feed-forward network has gates.
    pub gated: bool,
}

/// Centers: the atoms.
const CENTERS: usize = 192;

/// ε of normalizations.
const EPSILON: u64 = 1e-6f64.to_bits();

/// The model of the examples, with 20.3 edges per atom; and a uPET of the size XS, which keeps 12.8 edges per atom.
pub const MODELS: [Sizes; 2] = [
    Sizes { model: "compact PET", tokens: 21, width: 32, heads: 2, hidden: 64, gated: false },
    Sizes { model: "uPET XS", tokens: 14, width: 128, heads: 8, hidden: 256, gated: true },
];

/// A kind of step, and what it takes.
pub struct Step {
    model: &'static str,
    kind: &'static str,
    shape: String,
    operations: f64,
    /// The part of the operations in products of matrices.
    products: f64,
    bytes: usize,
    watch: Stopwatch,
}

/// What was measured of a step.
#[derive(Serialize)]
pub struct StepFound {
    model: &'static str,
    kind: &'static str,
    shape: String,
    seconds: f64,
    operations: f64,
    products: f64,
    /// Inputs once, and outputs once.
    bytes: usize,
}

impl Step {
    /// Returns all steps of a model.
    pub fn all(sizes: &Sizes) -> Vec<Self> {
        let mut all = sizes.products();
        all.extend([sizes.attention(), sizes.attention_gradient()]);
        all.extend(sizes.functions());
        all.extend(sizes.elementwise());
        all.push(sizes.gather());
        all
    }

    /// Measures once more.
    pub fn round(&mut self) {
        self.watch.round();
    }

    /// Returns what was measured.
    pub fn found(&self) -> StepFound {
        let Self { model, kind, operations, products, bytes, ref watch, .. } = *self;
        StepFound { model, kind, shape: self.shape.clone(), seconds: watch.seconds, operations, products, bytes }
    }
}

impl Sizes {
    fn rows(&self) -> usize {
        CENTERS * self.tokens
    }

    /// Queries, keys and values, their mixture, and the feed-forward network; then the same with the weight transposed,
    /// for the gradients.
    fn products(&self) -> Vec<Step> {
        let up = if self.gated { 2 * self.hidden } else { self.hidden };
        let sizes =
            [(self.width, 3 * self.width), (self.width, self.width), (self.width, up), (self.hidden, self.width)];
        let forward = sizes.map(|(from, to)| self.product("product", [from, to], false));
        let gradients = sizes.map(|(from, to)| self.product("product, transposed", [to, from], true));
        forward.into_iter().chain(gradients).collect()
    }

    fn product(&self, kind: &'static str, [from, to]: [usize; 2], transposed: bool) -> Step {
        let shape = if transposed { [to, from] } else { [from, to] };
        let inputs = [self.input(from), (RowInput::Weight, Input::Weight(Aligned::new(from * to), shape))];
        let step = RowStep::Linear { rows: 0, weight: 1, bias: None, transposed, width: to };
        self.step(kind, step, [from, to], inputs.into())
    }

    /// Normalizations, and the activation of the feed-forward network, with their gradients.
    fn functions(&self) -> Vec<Step> {
        let (width, hidden) = (self.width, self.hidden);
        let mut all = vec![
            self.function("RMSNorm", RowFunction::RmsNorm(EPSILON), width),
            self.function("RMSNorm, gradient", RowFunction::RmsNormGradient(EPSILON), width),
            self.function("LayerNorm", RowFunction::LayerNorm(EPSILON), width),
            self.function("LayerNorm, gradient", RowFunction::LayerNormGradient(EPSILON), width),
        ];
        all.extend(
            match self.gated {
                true => [("GLU", RowFunction::Glu), ("GLU, gradient", RowFunction::GluGradient)],
                false => [("SiLU", RowFunction::Silu), ("SiLU, gradient", RowFunction::SiluGradient)],
            }
            .map(|(kind, function)| self.function(kind, function, hidden)),
        );
        all
    }

    fn function(&self, kind: &'static str, function: RowFunction, width: usize) -> Step {
        let [from, gradient, to] = function.parts().map(|parts| parts * width);
        let mut inputs = vec![self.input(from)];
        if gradient > 0 {
            inputs.push(self.input(gradient));
        }
        let gradient = (gradient > 0).then_some(1);
        self.step(kind, RowStep::Function { function, rows: 0, gradient }, [from, to], inputs)
    }

    fn elementwise(&self) -> Vec<Step> {
        let [a, b] = [0, 1].map(RowOperand::Value);
        let (width, row) = (self.width, || self.input(self.width));
        vec![
            self.step("sum of two tensors", RowStep::Binary(Binary::Add, a, b), [width; 2], vec![row(), row()]),
            self.step(
                "rows times a number each",
                RowStep::Binary(Binary::Mul, a, b),
                [width; 2],
                vec![row(), self.input(1)],
            ),
            self.step("exp", RowStep::Unary(Unary::Exp, 0), [width; 2], vec![row()]),
            self.step("sum of each row", RowStep::Sum(0), [width, 1], vec![row()]),
        ]
    }

    /// Rows at indices far from each other, as those of reversed edges are.
    fn gather(&self) -> Step {
        let (width, rows) = (self.width, self.rows());
        let indices = (0..rows).map(|row| (997 * row % rows) as i64).collect();
        let table = (RowInput::Table(width), Input::Rows(Aligned::new(rows * width)));
        let inputs = vec![table, (RowInput::Indices, Input::Indices(indices))];
        self.step("rows at indices", RowStep::Gather(0, 1), [width; 2], inputs)
    }

    fn input(&self, width: usize) -> (RowInput, Input) {
        (RowInput::Rows(width), Input::Rows(Aligned::new(self.rows() * width)))
    }

    /// Returns a program of one step, from rows of the first width to rows of the second.
    fn step(&self, kind: &'static str, step: RowStep, [from, to]: [usize; 2], inputs: Vec<(RowInput, Input)>) -> Step {
        let (kinds, inputs): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
        let rows = self.rows();
        let operations = rows as f64 * operations::of_row(&step, from, to);
        let products = if matches!(step, RowStep::Linear { .. }) { operations } else { 0.0 };
        let bytes = inputs.iter().map(Input::bytes).sum::<usize>() + size_of::<f32>() * rows * to;
        let output = RowOutput { value: kinds.len(), shape: vec![RowDimension::Rows, RowDimension::Length(to)] };
        let program = RowProgram { inputs: kinds, steps: vec![step], outputs: vec![output] };
        let program = Program::new(program).expect("a step reads inputs only");
        let mut into = Aligned::new(rows * to);
        let watch = Stopwatch::new(move || {
            let inputs: Vec<_> = inputs.iter().map(Input::numbers).collect();
            program.run(black_box(&inputs), black_box(&mut into), rows);
        });
        Step {
            model: self.model,
            kind,
            shape: format!("{rows} rows, {from} to {to}"),
            operations,
            products,
            bytes,
            watch,
        }
    }

    fn attention(&self) -> Step {
        let (count, one) = (self.rows(), self.attention_of_center());
        let (inputs, mut into) = (AttentionInputs::new(self), Aligned::new(count * self.width));
        let bytes = inputs.bytes() + size_of_val(&into[..]);
        let watch = Stopwatch::new(move || inputs.attention().forward(black_box(&mut into)));
        self.attention_step("attention", [one.all(), one.products()], bytes, watch)
    }

    fn attention_gradient(&self) -> Step {
        let (count, one) = (self.rows(), self.attention_of_center());
        let (inputs, gradient) = (AttentionInputs::new(self), Aligned::new(count * self.width));
        let (mut rows, mut bias) = (Aligned::new(3 * count * self.width), Aligned::new(count));
        let bytes =
            inputs.bytes() + [&gradient, &rows, &bias].map(|numbers| size_of_val(&numbers[..])).iter().sum::<usize>();
        let watch = Stopwatch::new(move || {
            inputs.attention().backward(&gradient, black_box(&mut rows), black_box(&mut bias));
        });
        self.attention_step("attention, gradient", [one.all_of_gradient(), one.products_of_gradient()], bytes, watch)
    }

    fn attention_of_center(&self) -> Attention {
        Attention { tokens: self.tokens, width: self.width, heads: self.heads }
    }

    fn attention_step(&self, kind: &'static str, of_center: [f64; 2], bytes: usize, watch: Stopwatch) -> Step {
        let [operations, products] = of_center.map(|count| CENTERS as f64 * count);
        let Self { model, tokens, heads, width, .. } = *self;
        let shape = format!("{CENTERS} centers, {tokens} tokens, {heads} heads of {}", width / heads);
        Step { model, kind, shape, operations, products, bytes, watch }
    }
}

/// The numbers of an input of a program.
enum Input {
    Rows(Aligned),
    /// A matrix of this shape.
    Weight(Aligned, [usize; 2]),
    Indices(Vec<i64>),
}

impl Input {
    fn bytes(&self) -> usize {
        match self {
            Self::Rows(numbers) | Self::Weight(numbers, _) => size_of_val(&numbers[..]),
            Self::Indices(indices) => size_of_val(&indices[..]),
        }
    }

    fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::Rows(numbers) => Numbers::Rows(numbers),
            Self::Weight(numbers, shape) => Numbers::Weight(numbers, *shape),
            Self::Indices(indices) => Numbers::Indices(indices),
        }
    }
}

/// Queries, keys and values, and the bias of keys.
struct AttentionInputs {
    tokens: usize,
    heads: usize,
    rows: Aligned,
    bias: Aligned,
}

impl AttentionInputs {
    fn new(sizes: &Sizes) -> Self {
        let Sizes { tokens, heads, width, .. } = *sizes;
        Self { tokens, heads, rows: Aligned::new(sizes.rows() * 3 * width), bias: Aligned::new(sizes.rows()) }
    }

    /// Bytes of the rows and the bias, and of each token's row and whether it is there.
    fn bytes(&self) -> usize {
        let of_places = self.bias.len() * (size_of::<i64>() + size_of::<bool>());
        size_of_val(&self.rows[..]) + size_of_val(&self.bias[..]) + of_places
    }

    fn attention(&self) -> bench_support::Attention<'_> {
        let Self { tokens, heads, ref rows, ref bias } = *self;
        bench_support::Attention { tokens, heads, rows: black_box(rows), bias }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes { model: "small", tokens: 2, width: 4, heads: 2, hidden: 6, gated: false };

    fn found(sizes: &Sizes, kind: &str) -> StepFound {
        let all = Step::all(sizes);
        all.iter().find(|step| step.kind == kind).map(Step::found).expect("there is this kind of step")
    }

    #[test]
    fn products_and_their_gradients_have_as_many_operations() {
        let (rows, forward, gradient) = (384.0, found(&SMALL, "product"), found(&SMALL, "product, transposed"));
        assert_eq!(forward.operations, 2.0 * rows * 4.0 * 12.0);
        assert_eq!((gradient.operations, gradient.products), (forward.operations, forward.operations));
        assert_eq!((forward.bytes, gradient.bytes), (4 * (384 * 16 + 48), 4 * (384 * 16 + 48)));
        assert_eq!(gradient.shape, "384 rows, 12 to 4");
    }

    #[test]
    fn bytes_are_those_of_inputs_and_outputs() {
        assert_eq!(found(&SMALL, "sum of two tensors").bytes, 384 * 4 * 3 * 4);
        assert_eq!(found(&SMALL, "rows times a number each").bytes, 384 * 4 * (4 + 1 + 4));
        assert_eq!(found(&SMALL, "rows at indices").bytes, 384 * (4 * (4 + 4) + 8));
        assert_eq!(found(&SMALL, "attention").bytes, 384 * (4 * (12 + 1 + 4) + 9));
        assert_eq!(found(&SMALL, "attention, gradient").bytes, 384 * (4 * (12 + 1 + 4 + 12 + 1) + 9));
    }

    #[test]
    fn gates_double_the_rows_of_the_feed_forward_network() {
        let gated = Sizes { gated: true, ..SMALL };
        assert_eq!(found(&gated, "GLU").shape, "384 rows, 12 to 6");
        assert_eq!(found(&gated, "GLU, gradient").shape, "384 rows, 12 to 12");
        assert_eq!(found(&SMALL, "SiLU").shape, "384 rows, 6 to 6");
    }
}
