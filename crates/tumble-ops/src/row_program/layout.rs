//! The place of each value of a program: an input, an output, or a block in the working memory that later values take
//! over.

use super::{RowInput, RowProgram};

/// Numbers of all blocks in the working memory, at most: they are to stay within the second-level cache.
const MOST_NUMBERS: usize = 24 * 1024;

/// Fewest and most rows of a block: with fewer, products would wait for their weights.
pub(super) const FEWEST_ROWS: usize = 96;
const MOST_ROWS: usize = 768;

/// Most rows for which no weights are turned: products would gain less from it than it costs.
const MOST_AT_ONCE: usize = 384;

/// The place of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Input(usize),
    Output(usize),
    Buffer(usize),
}

/// The places of a program's values.
#[derive(Debug)]
pub(super) struct Layout {
    pub widths: Vec<usize>,
    pub places: Vec<Place>,
    /// Numbers per row in each buffer.
    pub buffers: Vec<usize>,
    /// Rows of a block.
    pub block: usize,
    /// Most rows for which no weights are turned.
    pub most_at_once: usize,
}

impl Layout {
    /// Returns `None` if the program reads a value before its step.
    pub fn new(program: &RowProgram) -> Option<Self> {
        let widths = program.widths()?;
        let (places, buffers) = places(program, &widths);
        let numbers = buffers.iter().sum::<usize>().max(1);
        let block = (MOST_NUMBERS / numbers).clamp(FEWEST_ROWS, MOST_ROWS);
        Some(Self { widths, places, buffers, block, most_at_once: MOST_AT_ONCE })
    }
}

fn places(program: &RowProgram, widths: &[usize]) -> (Vec<Place>, Vec<usize>) {
    let last_use = last_use(program, widths.len());
    let (mut places, mut buffers, mut free) = (Vec::new(), Vec::<usize>::new(), Vec::<usize>::new());
    for (value, &width) in widths.iter().enumerate() {
        let step = value.checked_sub(program.inputs.len());
        let output = program.outputs.iter().position(|output| output.value == value);
        places.push(match (step, output) {
            (None, _) if !matches!(program.inputs[value], RowInput::Flags(_)) => Place::Input(value),
            (Some(_), Some(output)) => Place::Output(output),
            _ => Place::Buffer(take(&mut free, &mut buffers, width)),
        });
        // A step must not write over what it reads: its operands are free for the next one only.
        let done = (0..=value).filter(|&earlier| step.is_some() && last_use[earlier] == step);
        free.extend(done.filter_map(|earlier| match places[earlier] {
            Place::Buffer(buffer) => Some(buffer),
            _ => None,
        }));
    }
    (places, buffers)
}

/// Returns a free buffer, the widest, made as wide as needed; or a new one.
fn take(free: &mut Vec<usize>, buffers: &mut Vec<usize>, width: usize) -> usize {
    let widest = (0..free.len()).max_by_key(|&index| buffers[free[index]]);
    match widest {
        Some(index) => {
            let buffer = free.swap_remove(index);
            buffers[buffer] = buffers[buffer].max(width);
            buffer
        }
        None => {
            buffers.push(width);
            buffers.len() - 1
        }
    }
}

/// Returns the last step that reads each value; `None` for outputs, and if no step does.
fn last_use(program: &RowProgram, values: usize) -> Vec<Option<usize>> {
    let mut last = vec![None; values];
    for (number, step) in program.steps.iter().enumerate() {
        step.reads().into_iter().for_each(|value| last[value] = Some(number));
    }
    program.outputs.iter().for_each(|output| last[output.value] = None);
    last
}
