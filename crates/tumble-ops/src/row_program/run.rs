//! Evaluation of a program, block by block of rows. The threads of the session share the blocks.

use std::cell::RefCell;
use std::mem::take;
use std::ops::Range;

use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};

use super::arguments::{Argument, each};
use super::elementwise::{Arithmetic, binary, select, sums, unary};
use super::functions::rowwise;
use super::layout::{FEWEST_ROWS, Layout, Place};
use super::products::turn;
use super::step_times;
use super::tables::{gather, join};
use super::{RowInput, RowOperand, RowProgram, RowStep};
use crate::Real;
use crate::linear::{Weight, linear};
use crate::simd::{SimdFloat, copy};
use crate::threads::Threads;

/// Fewest multiply-adds of a block of few rows: in shorter ones, products lose more time than another thread saves.
const WORTH_A_THREAD: usize = 4_000_000;

thread_local! {
    /// The working memory of a block on this thread.
    static MEMORY: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    /// The turned weights of the program that runs from this thread.
    static TURNED: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
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

/// A program and its inputs, with all rows.
#[derive(Clone, Copy)]
pub(super) struct Run<'a, T> {
    pub program: &'a RowProgram,
    pub layout: &'a Layout,
    pub inputs: &'a [Source<'a, T>],
    pub rows: usize,
}

/// A block of rows, and their part of the outputs.
pub(super) struct Part<'a, T> {
    rows: Range<usize>,
    outputs: Vec<&'a mut [T]>,
}

impl<T: Real + Arithmetic + Pod> Run<'_, T> {
    /// Computes the outputs for all rows.
    pub fn on(&self, threads: Threads, outputs: Vec<&mut [T]>) -> ort::Result<()> {
        let mut memory = TURNED.take();
        let turned = self.turned(&mut memory);
        let done = threads.share(self.parts(outputs), |part| {
            // Only code that is inlined into the dispatch uses the machine's registers, and `LocalKey::with` is not.
            let mut memory = MEMORY.take();
            Arch::new().dispatch(Dispatch { run: self, turned: &turned, part, memory: &mut memory });
            MEMORY.set(memory);
        });
        TURNED.set(memory);
        done
    }

    /// Returns the rows of a block.
    fn block(&self) -> usize {
        match self.turns_weights() {
            true => self.layout.block,
            false if self.multiply_adds(FEWEST_ROWS) < WORTH_A_THREAD => self.rows,
            false => self.rows.div_ceil((self.rows / FEWEST_ROWS).max(1)),
        }
    }

    /// Returns the number of multiply-adds of all products for some rows.
    fn multiply_adds(&self, rows: usize) -> usize {
        let of = |step| self.weight(step).map_or(0, |weight| weight.numbers.len());
        rows * self.program.steps.iter().map(of).sum::<usize>()
    }

    /// Returns whether transposed weights are turned: for few rows that would take longer than it saves.
    fn turns_weights(&self) -> bool {
        self.rows > self.layout.most_at_once
    }

    /// Divides the outputs into blocks of rows.
    pub fn parts<'a>(&self, outputs: Vec<&'a mut [T]>) -> Vec<Part<'a, T>> {
        let block = self.block().max(1);
        if block >= self.rows {
            return vec![Part { rows: 0..self.rows, outputs }];
        }
        let widths = self.program.outputs.iter().map(|output| self.layout.widths[output.value]);
        let pieces = outputs.into_iter().zip(widths).map(|(all, width)| all.chunks_mut((block * width).max(1)));
        let mut pieces: Vec<_> = pieces.collect();
        let starts = (0..self.rows).step_by(block);
        let part = |start| {
            let outputs = pieces.iter_mut().map(|pieces| pieces.next().unwrap_or_default()).collect();
            Part { rows: start..self.rows.min(start + block), outputs }
        };
        starts.map(part).collect()
    }

    /// Returns each step's weight in its other order if it is transposed, and else nothing; none at all if there are few
    /// rows.
    pub fn turned<'m>(&self, memory: &'m mut Vec<f64>) -> Vec<&'m mut [T]> {
        if !self.turns_weights() {
            return Vec::new();
        }
        let weights: Vec<_> =
            self.program.steps.iter().map(|step| self.weight(step).filter(|w| w.transposed)).collect();
        let lengths: Vec<_> = weights.iter().map(|weight| weight.map_or(0, |weight| weight.numbers.len())).collect();
        let mut turned = pieces(memory, &lengths);
        for (weight, into) in weights.into_iter().zip(&mut turned) {
            weight.into_iter().for_each(|weight| turn(weight, into));
        }
        turned
    }

    fn weight(&self, step: &RowStep) -> Option<Weight<'_, T>> {
        let RowStep::Linear { weight, transposed, .. } = step else { return None };
        let Source::Weight(numbers, [first, second]) = self.inputs[*weight] else { return None };
        let sizes = if *transposed { [second, first] } else { [first, second] };
        Some(Weight { numbers, sizes, transposed: *transposed })
    }
}

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
