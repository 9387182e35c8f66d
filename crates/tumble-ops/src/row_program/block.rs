//! Evaluation of one block of rows, step by step.

use std::mem::take;
use std::ops::Range;

use bytemuck::Pod;
use pulp::{Simd, WithSimd};

use super::arguments::{Argument, each};
use super::elementwise::{Arithmetic, binary, select, sums, unary};
use super::functions::rowwise;
use super::layout::Place;
use super::parts::{Part, Run, Source, pieces};
use super::step_times;
use super::tables::{gather, join};
use super::{RowInput, RowOperand, RowStep};
use crate::Real;
use crate::linear::{Weight, linear};
use crate::simd::{SimdFloat, copy};

/// The computation of a part, with working memory.
pub(super) struct Dispatch<'a, 'm, T> {
    pub run: &'a Run<'a, T>,
    pub turned: &'a [&'a mut [T]],
    pub part: Part<'m, T>,
    pub memory: &'m mut Vec<f64>,
}

impl<T: Real + Arithmetic + Pod> WithSimd for Dispatch<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { run, turned, part: Part { rows, outputs }, memory } = self;
        let lengths: Vec<_> = run.layout.buffers.iter().map(|width| width * rows.len()).collect();
        Block { run, turned, buffers: pieces(memory, &lengths), outputs, rows }.compute_all(simd);
    }
}

/// A block of rows in the working memory.
struct Block<'a, 'm, T> {
    run: &'a Run<'a, T>,
    /// See [`Run::turned`].
    turned: &'a [&'a mut [T]],
    buffers: Vec<&'m mut [T]>,
    outputs: Vec<&'m mut [T]>,
    /// The rows, among those of the inputs.
    rows: Range<usize>,
}

impl<'m, T: Real + Arithmetic + Pod> Block<'_, 'm, T> {
    #[inline(always)]
    fn compute_all<S: Simd>(&mut self, simd: S) {
        self.load_flags();
        for number in 0..self.run.program.steps.len() {
            let start = step_times::start();
            self.step(simd, number);
            let (run, rows) = (self.run, self.rows.len());
            step_times::end(start, &run.program.steps[number], &run.layout.widths, rows);
        }
        self.copy_outputs();
    }

    fn load_flags(&mut self) {
        for input in 0..self.run.inputs.len() {
            let Source::Flags(flags) = self.run.inputs[input] else { continue };
            let numbers = self.numbers_of(input);
            let into = self.take(input);
            let (one, zero) = (<T as SimdFloat>::ONE, <T as SimdFloat>::ZERO);
            into.iter_mut().zip(&flags[numbers]).for_each(|(x, flag)| *x = if *flag { one } else { zero });
            self.give(input, into);
        }
    }

    #[inline(always)]
    fn step<S: Simd>(&mut self, simd: S, number: usize) {
        let value = self.run.inputs.len() + number;
        if self.view(value).is_some() {
            return;
        }
        let (width, memory) = (self.run.layout.widths[value], self.take(value));
        self.compute(simd, number, width, &mut memory[..self.rows.len() * width]);
        self.give(value, memory);
    }

    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, number: usize, width: usize, into: &mut [T]) {
        let argument = |operand| self.argument(operand, width);
        match self.run.program.steps[number] {
            RowStep::Linear { rows, bias, .. } => self.product(number, rows, bias, into),
            RowStep::Function { function, rows, gradient } => {
                let gradient = gradient.map_or(&[][..], |gradient| self.value(gradient));
                rowwise(simd, function, width, self.value(rows), gradient, into);
            }
            RowStep::Unary(function, from) => unary(simd, function, self.value(from), into),
            RowStep::Binary(function, a, b) => binary(function, into, width, argument(a), argument(b)),
            RowStep::Select(condition, a, b) => {
                select(into, width, [argument(RowOperand::Value(condition)), argument(a), argument(b)]);
            }
            RowStep::Sum(from) => sums(simd, self.run.layout.widths[from], self.value(from), into),
            RowStep::Concat(ref values) => self.concat(values, width, into),
            RowStep::Slice(from, start, width) => self.slice(from, start, width, into),
            RowStep::Gather(table, indices) => gather(self.table(table), self.indices(indices), width, into),
            RowStep::Join(first, second) => {
                let range = self.rows.start * width..self.rows.end * width;
                join(self.table(first), self.table(second), range, into);
            }
            RowStep::First(_) | RowStep::Last(_) => {
                let rows = self.rows_of_table(number, width).expect("rows of one table are together");
                into.copy_from_slice(rows);
            }
            RowStep::Repeat(from, _) => {
                let from = argument(from);
                each(into, width, from, from, |_, x, _| x);
            }
        }
    }

    fn product(&self, number: usize, rows: usize, bias: Option<usize>, into: &mut [T]) {
        let (rows, bias) = (self.value(rows), bias.map_or(&[][..], |bias| self.value(bias)));
        let weight = self.run.weight(&self.run.program.steps[number]).expect("the inputs of products are checked");
        let turned = self.turned.get(number).filter(|turned| !turned.is_empty());
        let turned = turned.map(|numbers| Weight { numbers, transposed: false, ..weight });
        linear(rows, turned.unwrap_or(weight), bias, into);
    }

    fn concat(&self, values: &[usize], width: usize, into: &mut [T]) {
        let mut first = 0;
        for &value in values {
            let size = self.run.layout.widths[value];
            let rows = into.chunks_exact_mut(width).zip(self.value(value).chunks_exact(size));
            rows.for_each(|(into, row)| copy(&mut into[first..first + size], row));
            first += size;
        }
    }

    fn slice(&self, from: usize, start: usize, width: usize, into: &mut [T]) {
        let rows = self.value(from).chunks_exact(self.run.layout.widths[from]);
        into.chunks_exact_mut(width).zip(rows).for_each(|(into, row)| copy(into, &row[start..start + width]));
    }

    /// Returns a value of the working memory that is a part of a table, and so need not be copied there.
    #[inline(always)]
    fn view(&self, value: usize) -> Option<&[T]> {
        let step = value.checked_sub(self.run.inputs.len())?;
        let in_memory = matches!(self.run.layout.places[value], Place::Buffer(_));
        in_memory.then(|| self.rows_of_table(step, self.run.layout.widths[value])).flatten()
    }

    /// Returns this block's rows of a step that reads consecutive rows, if one table has them all.
    fn rows_of_table(&self, step: usize, width: usize) -> Option<&[T]> {
        let (start, count) = (self.rows.start * width, self.rows.len() * width);
        let (table, start) = match self.run.program.steps[step] {
            RowStep::First(table) => (self.table(table), start),
            RowStep::Last(table) => {
                let table = self.table(table);
                (table, table.len() - (self.run.rows * width - start))
            }
            RowStep::Join(first, second) => match start.checked_sub(self.table(first).len()) {
                Some(start) => (self.table(second), start),
                None => (self.table(first), start),
            },
            _ => return None,
        };
        table.get(start..start + count)
    }

    /// Returns all rows of a table.
    fn table(&self, value: usize) -> &[T] {
        match self.run.inputs[value] {
            Source::Numbers(numbers) => numbers,
            _ => &[],
        }
    }

    /// Returns the indices of this block's rows.
    fn indices(&self, value: usize) -> &[i64] {
        match self.run.inputs[value] {
            Source::Indices(indices) => &indices[self.rows.clone()],
            _ => &[],
        }
    }

    fn copy_outputs(&mut self) {
        for (index, output) in self.run.program.outputs.iter().enumerate() {
            if self.run.layout.places[output.value] != Place::Output(index) {
                let into = take(&mut self.outputs[index]);
                into.copy_from_slice(self.value(output.value));
                self.outputs[index] = into;
            }
        }
    }

    /// Takes the memory of a value, to write to it.
    fn take(&mut self, value: usize) -> &'m mut [T] {
        match self.run.layout.places[value] {
            Place::Output(output) => take(&mut self.outputs[output]),
            Place::Buffer(buffer) => take(&mut self.buffers[buffer]),
            Place::Input(_) => &mut [],
        }
    }

    /// Puts the memory of a value back.
    fn give(&mut self, value: usize, memory: &'m mut [T]) {
        match self.run.layout.places[value] {
            Place::Output(output) => self.outputs[output] = memory,
            Place::Buffer(buffer) => self.buffers[buffer] = memory,
            Place::Input(_) => {}
        }
    }

    /// Returns the numbers of an input in this block, among those of all rows.
    fn numbers_of(&self, value: usize) -> Range<usize> {
        let width = self.run.layout.widths[value];
        self.rows.start * width..self.rows.end * width
    }

    /// Returns a value in this block; a constant is one row.
    #[inline(always)]
    fn value(&self, value: usize) -> &[T] {
        let range = self.numbers_of(value);
        if let Some(view) = self.view(value) {
            return view;
        }
        match (self.run.layout.places[value], self.run.inputs.get(value)) {
            (Place::Output(output), _) => &self.outputs[output][..range.len()],
            (Place::Buffer(buffer), _) => &self.buffers[buffer][..range.len()],
            (_, Some(Source::Numbers(numbers))) if !self.is_constant(value) => &numbers[range],
            (_, Some(Source::Numbers(numbers))) => numbers,
            _ => &[],
        }
    }

    fn is_constant(&self, value: usize) -> bool {
        matches!(self.run.program.inputs.get(value), Some(RowInput::Constant(_)))
    }

    #[inline(always)]
    fn argument(&self, operand: RowOperand, width: usize) -> Argument<'_, T> {
        let value = match operand {
            RowOperand::Number(bits) => return Argument::Number(T::from_f64(f64::from_bits(bits))),
            RowOperand::Value(value) => value,
        };
        let numbers = self.value(value);
        match (self.is_constant(value), self.run.layout.widths[value] == width) {
            (true, true) => Argument::Constant(numbers),
            (true, false) => Argument::Number(numbers[0]),
            (false, true) => Argument::Rows(numbers),
            (false, false) => Argument::Column(numbers),
        }
    }
}
