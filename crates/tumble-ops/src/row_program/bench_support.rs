//! Programs by themselves, without a model, for benchmarks.

use super::RowProgram;
use super::layout::Layout;
use super::parts::{Run, Source};
use crate::threads::Threads;

/// A program in single precision, ready to run.
pub struct Program {
    program: RowProgram,
    layout: Layout,
}

/// The numbers of an input.
#[derive(Clone, Copy)]
pub enum Numbers<'a> {
    /// Rows, or a table.
    Rows(&'a [f32]),
    /// A matrix of this shape.
    Weight(&'a [f32], [usize; 2]),
    /// Rows of a table.
    Indices(&'a [i64]),
}

impl Program {
    /// Returns `None` if the program reads a value before its step.
    pub fn new(program: RowProgram) -> Option<Self> {
        let layout = Layout::new(&program)?;
        Some(Self { program, layout })
    }

    /// Computes the only output for all rows. The inputs must fit the program.
    pub fn run(&self, inputs: &[Numbers], into: &mut [f32], rows: usize) {
        let sources: Vec<_> = inputs.iter().map(|numbers| numbers.source()).collect();
        let run = Run { program: &self.program, layout: &self.layout, inputs: &sources, rows };
        run.on(Threads::One, vec![into]).expect("one thread needs no ONNX Runtime");
    }
}

impl<'a> Numbers<'a> {
    fn source(self) -> Source<'a, f32> {
        match self {
            Self::Rows(numbers) => Source::Numbers(numbers),
            Self::Weight(numbers, shape) => Source::Weight(numbers, shape),
            Self::Indices(indices) => Source::Indices(indices),
        }
    }
}
