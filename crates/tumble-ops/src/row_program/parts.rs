//! A program with its inputs, and the division of its rows into blocks.

use std::mem::take;
use std::ops::Range;

use bytemuck::Pod;

use super::elementwise::Arithmetic;
use super::layout::{FEWEST_ROWS, Layout};
use super::{RowProgram, RowStep};
use crate::Real;
use crate::linear::Weight;
use crate::transpose::transpose;

/// Fewest multiply-adds of a block of few rows: in shorter ones, products lose more time than another thread saves.
const WORTH_A_THREAD: usize = 4_000_000;

/// Numbers of a weight that does not fit into the second-level cache with its packed blocks, and the fewest rows of a
/// block with such weights: each block packs them again (of 1024 by 1024 in single precision, 96 rows reach 160 GFLOP/s,
/// 384 rows 200).
const WIDE_WEIGHT: usize = 256 * 1024;
const ROWS_OF_WIDE_WEIGHTS: usize = 384;

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
    pub rows: Range<usize>,
    pub outputs: Vec<&'a mut [T]>,
}

impl<T: Real + Arithmetic + Pod> Run<'_, T> {
    /// Returns the rows of a block.
    fn block(&self) -> usize {
        match self.turns_weights() {
            true => self.rows.div_ceil(self.rows.div_ceil(self.layout.block.max(self.rows_of_wide_weights()))),
            false if self.multiply_adds(FEWEST_ROWS) < WORTH_A_THREAD => self.rows,
            false => self.rows.div_ceil((self.rows / FEWEST_ROWS).max(1)),
        }
    }

    /// Returns the fewest rows of a block for which packing the widest weight is worth its time.
    fn rows_of_wide_weights(&self) -> usize {
        let numbers = self.program.steps.iter().filter_map(|step| self.weight(step)).map(|weight| weight.numbers.len());
        if numbers.max().unwrap_or(0) < WIDE_WEIGHT { 0 } else { ROWS_OF_WIDE_WEIGHTS }
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
            weight.into_iter().for_each(|weight| transpose(weight.numbers, weight.sizes[0], into));
        }
        turned
    }

    pub fn weight(&self, step: &RowStep) -> Option<Weight<'_, T>> {
        let RowStep::Linear { weight, transposed, .. } = step else { return None };
        let Source::Weight(numbers, [first, second]) = self.inputs[*weight] else { return None };
        let sizes = if *transposed { [second, first] } else { [first, second] };
        Some(Weight { numbers, sizes, transposed: *transposed })
    }
}

/// Splits the memory, made as long as needed, into pieces of these lengths.
pub(super) fn pieces<'m, T: Pod>(memory: &'m mut Vec<f64>, lengths: &[usize]) -> Vec<&'m mut [T]> {
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
