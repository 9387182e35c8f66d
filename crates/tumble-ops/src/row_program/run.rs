//! Evaluation of a program, block by block of rows.

use std::cell::RefCell;
use std::mem::take;
use std::ops::Range;

use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};

use super::arguments::{Argument, each};
use super::elementwise::{Arithmetic, binary, select, sums, unary};
use super::functions::rowwise;
use super::layout::{Layout, Place};
use super::products::turn;
use super::step_times;
use super::tables::{gather, join};
use super::{RowInput, RowOperand, RowProgram, RowStep};
use crate::Real;
use crate::linear::{Weight, linear};
use crate::simd::{SimdFloat, copy};

thread_local! {
    /// The working memory of this thread's programs.
    static MEMORY: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// The numbers of an input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a, T> {
    Numbers(&'a [T]),
    Flags(&'a [bool]),
    /// A matrix of this shape.
    Weight(&'a [T], [usize; 2]),
    Indices(&'a [i64]),
}

/// Computes the outputs of a program for all rows.
pub(super) fn run<T: Real + Arithmetic + Pod>(
    program: &RowProgram,
    layout: &Layout,
    inputs: &[Source<T>],
    outputs: Vec<&mut [T]>,
    rows: usize,
) {
    // Only code that is inlined into the dispatch uses the machine's registers, and `LocalKey::with` is not.
    let mut memory = MEMORY.take();
    Arch::new().dispatch(Dispatch(Run { program, layout, inputs, outputs, rows }, &mut memory));
    MEMORY.set(memory);
}

/// A program and the working memory.
pub(super) struct Dispatch<'a, 'm, T>(pub Run<'a, T>, pub &'m mut Vec<f64>);

pub(super) struct Run<'a, T> {
    pub program: &'a RowProgram,
    pub layout: &'a Layout,
    pub inputs: &'a [Source<'a, T>],
    pub outputs: Vec<&'a mut [T]>,
    pub rows: usize,
}

impl<T: Real + Arithmetic + Pod> WithSimd for Dispatch<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(run, memory) = self;
        let block = run.block();
        let turned = if block < run.rows { run.turned_lengths() } else { Vec::new() };
        let buffers: Vec<_> = run.layout.buffers.iter().map(|width| width * block).collect();
        let mut pieces = pieces(memory, &[&turned[..], &buffers].concat()).into_iter();
        let turned: Vec<_> = pieces.by_ref().take(turned.len()).collect();
        let mut blocks = Blocks { run, turned, buffers: pieces.collect(), rows: 0..0 };
        blocks.turn();
        blocks.all(simd);
    }
}

/// Splits the memory, made as long as needed, into pieces of these lengths.
fn pieces<'m, T: Pod>(memory: &'m mut Vec<f64>, lengths: &[usize]) -> Vec<&'m mut [T]> {
    // Whole cache lines, for the speed of registers.
    const LINE: usize = 64;
    let aligned = |length: &usize| (length * size_of::<T>()).next_multiple_of(LINE) / size_of::<T>();
    let bytes = lengths.iter().map(aligned).sum::<usize>() * size_of::<T>();
    memory.resize(memory.len().max((bytes + LINE) / size_of::<f64>()), 0.0);
    let start = memory.as_ptr().align_offset(LINE);
    let mut rest: &mut [T] = bytemuck::cast_slice_mut(&mut memory[start..]);
    let piece = |length: &usize| {
        let (piece, others) = take(&mut rest).split_at_mut(aligned(length));
        rest = others;
        &mut piece[..*length]
    };
    lengths.iter().map(piece).collect()
}

impl<T: Real + Arithmetic + Pod> Run<'_, T> {
    fn weight(&self, step: &RowStep) -> Option<Weight<'_, T>> {
        let RowStep::Linear { weight, transposed, .. } = step else { return None };
        let Source::Weight(numbers, [first, second]) = self.inputs[*weight] else { return None };
        let sizes = if *transposed { [second, first] } else { [first, second] };
        Some(Weight { numbers, sizes, transposed: *transposed })
    }

    /// Returns the rows of a block: all, if weights would be turned for few.
    fn block(&self) -> usize {
        if self.rows <= self.layout.most_at_once { self.rows } else { self.layout.block }
    }

    /// Returns the numbers of each step's weight if it is transposed; else 0.
    fn turned_lengths(&self) -> Vec<usize> {
        let length =
            |step| self.weight(step).map_or(0, |weight| if weight.transposed { weight.numbers.len() } else { 0 });
        self.program.steps.iter().map(length).collect()
    }
}

/// The working memory of a program, and the block of rows in it.
struct Blocks<'m, T> {
    run: Run<'m, T>,
    /// The weight of each step if it is transposed; nothing if one block has all rows.
    turned: Vec<&'m mut [T]>,
    buffers: Vec<&'m mut [T]>,
    rows: Range<usize>,
}

impl<'m, T: Real + Arithmetic + Pod> Blocks<'m, T> {
    /// Turns the transposed weights.
    fn turn(&mut self) {
        for (step, into) in self.run.program.steps.iter().zip(&mut self.turned).filter(|(_, into)| !into.is_empty()) {
            self.run.weight(step).into_iter().for_each(|weight| turn(weight, into));
        }
    }

    #[inline(always)]
    fn all<S: Simd>(&mut self, simd: S) {
        let block = self.run.block();
        for start in (0..self.run.rows).step_by(block.max(1)) {
            self.rows = start..self.run.rows.min(start + block);
            self.load_flags();
            for number in 0..self.run.program.steps.len() {
                let start = step_times::start();
                self.step(simd, number);
                let (run, rows) = (&self.run, self.rows.len());
                step_times::end(start, &run.program.steps[number], &run.layout.widths, rows);
            }
            self.copy_outputs();
        }
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
        let (width, whole) = (self.run.layout.widths[value], self.take(value));
        let count = self.rows.len() * width;
        let (start, end) = match self.run.layout.places[value] {
            Place::Output(_) => (self.rows.start * width, self.rows.start * width + count),
            _ => (0, count),
        };
        self.compute(simd, number, width, &mut whole[start..end]);
        self.give(value, whole);
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
            RowStep::First(table) => into.copy_from_slice(&self.table(table)[self.rows.start * width..][..into.len()]),
            RowStep::Last(table) => {
                let (table, end) = (self.table(table), (self.run.rows - self.rows.start) * width);
                into.copy_from_slice(&table[table.len() - end..][..into.len()]);
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
                let into = take(&mut self.run.outputs[index]);
                into[self.numbers_of(output.value)].copy_from_slice(self.value(output.value));
                self.run.outputs[index] = into;
            }
        }
    }

    /// Takes the memory of a value, to write to it.
    fn take(&mut self, value: usize) -> &'m mut [T] {
        match self.run.layout.places[value] {
            Place::Output(output) => take(&mut self.run.outputs[output]),
            Place::Buffer(buffer) => take(&mut self.buffers[buffer]),
            Place::Input(_) => &mut [],
        }
    }

    /// Puts the memory of a value back.
    fn give(&mut self, value: usize, memory: &'m mut [T]) {
        match self.run.layout.places[value] {
            Place::Output(output) => self.run.outputs[output] = memory,
            Place::Buffer(buffer) => self.buffers[buffer] = memory,
            Place::Input(_) => {}
        }
    }

    /// Returns the numbers of a value in this block, among those of all rows.
    fn numbers_of(&self, value: usize) -> Range<usize> {
        let width = self.run.layout.widths[value];
        self.rows.start * width..self.rows.end * width
    }

    /// Returns a value in this block; a constant is one row.
    #[inline(always)]
    fn value(&self, value: usize) -> &[T] {
        let range = self.numbers_of(value);
        match (self.run.layout.places[value], self.run.inputs.get(value)) {
            (Place::Output(output), _) => &self.run.outputs[output][range],
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
