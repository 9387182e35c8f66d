//! Programs of rows: chains of operators that act on each row of their tensors by itself, computed block by block of
//! rows, so that everything between an input and a result stays within the first caches.
//!
//! A program is in no file: it replaces the nodes of a graph when a session is opened. Its tensors have the same number
//! of rows; each has a width of its own.

mod arguments;
#[doc(hidden)]
pub mod bench_support;
mod block;
mod elementwise;
mod functions;
mod layout;
pub(crate) mod operator;
mod parts;
mod run;
#[doc(hidden)]
pub mod step_times;
mod tables;

use serde::{Deserialize, Serialize};

use crate::rowwise::Function;
use crate::rowwise::{Glu, GluGradient, LayerNorm, LayerNormGradient, RmsNorm, RmsNormGradient, Silu, SiluGradient};

/// A program of rows. Values are numbered: first the inputs, then one result per step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowProgram {
    /// The inputs of the node.
    pub inputs: Vec<RowInput>,
    /// The steps, in order.
    pub steps: Vec<RowStep>,
    /// The outputs of the node.
    pub outputs: Vec<RowOutput>,
}

/// An input of a program.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowInput {
    /// Rows of this width.
    Rows(usize),
    /// Rows of this width of Booleans, as 0 and 1.
    Flags(usize),
    /// One row of this width for all rows.
    Constant(usize),
    /// A matrix, for [`RowStep::Linear`] only.
    Weight,
    /// Another number of rows of this width, for the steps that read rows in another order.
    Table(usize),
    /// Rows of a table, one integer per row; a negative one counts from the end.
    Indices,
}

/// A value, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowOperand {
    /// The value of this number.
    Value(usize),
    /// The bits of a number in double precision, which text would round or lose (infinity).
    Number(u64),
}

/// A step of a program. Booleans are numbers: 0 is false, anything else true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowStep {
    /// The product of rows with a weight `[in, width]`, or `[width, in]` if transposed, and a bias.
    Linear {
        /// The rows.
        rows: usize,
        /// The input with the weight.
        weight: usize,
        /// The input with the bias.
        bias: Option<usize>,
        /// Whether the weight is transposed.
        transposed: bool,
        /// Numbers in a row of the result.
        width: usize,
    },
    /// An activation or a normalization, or its gradient.
    Function {
        /// Which one.
        function: RowFunction,
        /// The rows.
        rows: usize,
        /// The gradient of its result, for a gradient.
        gradient: Option<usize>,
    },
    /// A function of each number.
    Unary(Unary, usize),
    /// A function of two numbers. A row of one number is used for all columns.
    Binary(Binary, RowOperand, RowOperand),
    /// The second where the first is true, else the third.
    Select(usize, RowOperand, RowOperand),
    /// The sum of each row.
    Sum(usize),
    /// Rows side by side.
    Concat(Vec<usize>),
    /// Columns `start..start + width` of a value.
    Slice(usize, usize, usize),
    /// A row of one number, repeated to this width.
    Repeat(RowOperand, usize),
    /// The rows of a table (first) at indices (second).
    Gather(usize, usize),
    /// The rows of a table, and after them those of another.
    Join(usize, usize),
    /// The first rows of a table.
    First(usize),
    /// The last rows of a table.
    Last(usize),
}

/// An activation or a normalization, or its gradient; with the bits of ε in double precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the operators")]
pub enum RowFunction {
    Silu,
    SiluGradient,
    Glu,
    GluGradient,
    RmsNorm(u64),
    RmsNormGradient(u64),
    LayerNorm(u64),
    LayerNormGradient(u64),
}

/// A function of each number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the operators of ONNX")]
pub enum Unary {
    Identity,
    Neg,
    Abs,
    Not,
    Sqrt,
    Exp,
    Log,
    Reciprocal,
    Sigmoid,
    Sin,
    Cos,
    Tanh,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the operators of ONNX")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Less,
    LessOrEqual,
    Equal,
    And,
    Or,
}

/// An output of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowOutput {
    /// The value.
    pub value: usize,
    /// Its shape.
    pub shape: Vec<RowDimension>,
}

/// A dimension of an output.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowDimension {
    /// A known length.
    Length(usize),
    /// The length of an input (first) along an axis (second).
    Like(usize, usize),
    /// The number of rows.
    Rows,
}

impl RowFunction {
    /// Returns the parts of a row, of the gradient (0 without one) and of the result, all of one width.
    pub fn parts(self) -> [usize; 3] {
        match self {
            Self::Silu => Silu::PARTS,
            Self::SiluGradient => SiluGradient::PARTS,
            Self::Glu => Glu::PARTS,
            Self::GluGradient => GluGradient::PARTS,
            Self::RmsNorm(_) => RmsNorm::PARTS,
            Self::RmsNormGradient(_) => RmsNormGradient::PARTS,
            Self::LayerNorm(_) => LayerNorm::PARTS,
            Self::LayerNormGradient(_) => LayerNormGradient::PARTS,
        }
    }
}

impl RowOperand {
    /// Returns a number as an operand.
    pub fn number(number: f64) -> Self {
        Self::Number(number.to_bits())
    }

    fn value(self) -> Option<usize> {
        match self {
            Self::Value(value) => Some(value),
            Self::Number(_) => None,
        }
    }
}

impl RowStep {
    /// Returns whether a step reads rows in another order.
    pub fn moves_rows(&self) -> bool {
        matches!(self, Self::Gather(..) | Self::Join(..) | Self::First(_) | Self::Last(_))
    }

    /// Returns the values that a step reads, without weights.
    pub fn reads(&self) -> Vec<usize> {
        let operands =
            |operands: &[RowOperand]| operands.iter().filter_map(|operand| operand.value()).collect::<Vec<_>>();
        match self {
            Self::Linear { rows, bias, .. } => [Some(*rows), *bias].into_iter().flatten().collect(),
            Self::Function { rows, gradient, .. } => [Some(*rows), *gradient].into_iter().flatten().collect(),
            Self::Unary(_, value) | Self::Sum(value) | Self::Slice(value, ..) => vec![*value],
            Self::Binary(_, a, b) => operands(&[*a, *b]),
            Self::Select(condition, a, b) => operands(&[RowOperand::Value(*condition), *a, *b]),
            Self::Concat(values) => values.clone(),
            Self::Repeat(value, _) => operands(&[*value]),
            Self::Gather(a, b) | Self::Join(a, b) => vec![*a, *b],
            Self::First(table) | Self::Last(table) => vec![*table],
        }
    }

    /// Returns the same to change them, and the weight.
    pub fn reads_mut(&mut self) -> Vec<&mut usize> {
        fn value(operand: &mut RowOperand) -> Option<&mut usize> {
            match operand {
                RowOperand::Value(value) => Some(value),
                RowOperand::Number(_) => None,
            }
        }
        match self {
            Self::Linear { rows, weight, bias, .. } => {
                [Some(rows), Some(weight), bias.as_mut()].into_iter().flatten().collect()
            }
            Self::Function { rows, gradient, .. } => [Some(rows), gradient.as_mut()].into_iter().flatten().collect(),
            Self::Unary(_, value) | Self::Sum(value) | Self::Slice(value, ..) => vec![value],
            Self::Binary(_, a, b) => [value(a), value(b)].into_iter().flatten().collect(),
            Self::Select(condition, a, b) => [Some(condition), value(a), value(b)].into_iter().flatten().collect(),
            Self::Concat(values) => values.iter_mut().collect(),
            Self::Repeat(operand, _) => value(operand).into_iter().collect(),
            Self::Gather(a, b) | Self::Join(a, b) => vec![a, b],
            Self::First(table) | Self::Last(table) => vec![table],
        }
    }

    /// Returns the width of the result, from those of all values before.
    fn width(&self, widths: &[usize]) -> Option<usize> {
        let widest = || self.reads().iter().map(|&value| widths.get(value).copied()).max().flatten();
        match self {
            Self::Linear { width, .. } | Self::Slice(_, _, width) | Self::Repeat(_, width) => Some(*width),
            Self::Function { function, rows, .. } => {
                let [of_row, _, of_result] = function.parts();
                Some(widths.get(*rows)? / of_row * of_result)
            }
            Self::Sum(_) => Some(1),
            Self::Concat(values) => values.iter().map(|&value| widths.get(value).copied()).sum(),
            Self::Unary(..) | Self::Binary(..) | Self::Select(..) => widest(),
            Self::Gather(table, _) | Self::Join(table, _) | Self::First(table) | Self::Last(table) => {
                widths.get(*table).copied()
            }
        }
    }
}

impl RowProgram {
    /// Returns the width of each value; `None` if a step reads a value that is not there yet.
    pub fn widths(&self) -> Option<Vec<usize>> {
        let width = |input: &RowInput| match *input {
            RowInput::Rows(width) | RowInput::Flags(width) | RowInput::Constant(width) | RowInput::Table(width) => {
                width
            }
            RowInput::Weight | RowInput::Indices => 0,
        };
        let mut widths: Vec<_> = self.inputs.iter().map(width).collect();
        for step in &self.steps {
            if step.reads().iter().any(|&value| value >= widths.len()) {
                return None;
            }
            widths.push(step.width(&widths)?);
        }
        self.outputs.iter().all(|output| output.value < widths.len()).then_some(widths)
    }
}

#[cfg(test)]
mod tests;
