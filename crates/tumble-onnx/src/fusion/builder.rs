//! A program of rows in the making.

use std::collections::{HashMap, HashSet};

use tumble_ops::row_program::{RowDimension, RowInput, RowOperand, RowOutput, RowProgram, RowStep};

use super::dimension::{Dimension, product};
use super::infer::{BOOL, INT64};
use super::shapes::{Shapes, TensorInfo};

/// Values from here on are results of steps, until all inputs are known.
const STEPS: usize = 1 << 32;

/// A program of rows in the making.
pub(super) struct Builder<'a, 'n> {
    shapes: &'a Shapes,
    /// Booleans that programs pass on to each other as numbers.
    numbers: &'n HashSet<&'a str>,
    /// The number of rows of its tensors, known from the first one.
    pub rows: Option<Dimension>,
    inputs: Vec<(&'a str, RowInput)>,
    steps: Vec<RowStep>,
    values: HashMap<&'a str, usize>,
}

/// A finished program, with the names of its inputs.
pub(super) struct Program<'a> {
    pub inputs: Vec<&'a str>,
    pub program: RowProgram,
}

impl<'a, 'n> Builder<'a, 'n> {
    pub fn new(shapes: &'a Shapes, numbers: &'n HashSet<&'a str>) -> Self {
        Self { shapes, numbers, rows: None, inputs: Vec::new(), steps: Vec::new(), values: HashMap::new() }
    }

    /// Returns the number of steps so far.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn info(&self, name: &str) -> Option<&'a TensorInfo> {
        self.shapes.get(name)
    }

    /// Returns whether a tensor holds Booleans.
    pub fn is_flags(&self, name: &str) -> bool {
        self.info(name).is_some_and(|info| info.element == BOOL)
    }

    /// Returns the rows and the width of a tensor.
    fn view(&self, info: &TensorInfo) -> Option<(Dimension, usize)> {
        let (last, rest) = info.shape.split_last()?;
        match last.size().filter(|_| !rest.is_empty()) {
            Some(width) => Some((product(rest), width)),
            None => Some((product(&info.shape), 1)),
        }
    }

    /// Returns the width of a tensor of the program's rows; `None` if it has others.
    pub fn width(&mut self, name: &str) -> Option<usize> {
        let info = self.info(name)?;
        let (rows, width) = self.view(info).filter(|(rows, width)| rows.known().is_none() && *width > 0)?;
        if info.constant || ![self.shapes.real, BOOL].contains(&info.element) {
            return None;
        }
        let own = self.rows.get_or_insert_with(|| rows.clone());
        (*own == rows).then_some(width)
    }

    /// Returns a tensor as a value with rows.
    pub fn value(&mut self, name: &'a str) -> Option<usize> {
        let width = self.width(name)?;
        if let Some(&value) = self.values.get(name) {
            return Some(value);
        }
        let flags = self.is_flags(name) && !self.numbers.contains(name);
        Some(self.input(name, if flags { RowInput::Flags(width) } else { RowInput::Rows(width) }))
    }

    /// Returns a constant vector of this width.
    pub fn constant(&mut self, name: &'a str, width: usize) -> Option<usize> {
        let info = self.info(name)?;
        let real = info.element == self.shapes.real;
        let whole = product(&info.shape).size() == Some(width) && info.constant && real;
        whole.then(|| self.input(name, RowInput::Constant(width)))
    }

    /// Returns a constant matrix.
    pub fn weight(&mut self, name: &'a str) -> Option<usize> {
        let info = self.info(name)?;
        (info.constant && info.shape.len() == 2 && info.element == self.shapes.real)
            .then(|| self.input(name, RowInput::Weight))
    }

    /// Returns a tensor as a table: a matrix, or a vector as rows of one number.
    pub fn table(&mut self, name: &'a str) -> Option<usize> {
        let info = self.info(name).filter(|info| info.element == self.shapes.real)?;
        let width = match &info.shape[..] {
            [_] => 1,
            [_, width] => width.size().filter(|&width| width > 0)?,
            _ => return None,
        };
        Some(self.input(name, RowInput::Table(width)))
    }

    /// Returns the width of a table.
    pub fn table_width(&self, table: usize) -> usize {
        match self.inputs.get(table) {
            Some((_, RowInput::Table(width))) => *width,
            _ => 0,
        }
    }

    /// Returns a tensor of integers as the indices of all rows.
    pub fn indices(&mut self, name: &'a str) -> Option<usize> {
        let info = self.info(name).filter(|info| info.element == INT64 && !info.constant)?;
        let rows = product(&info.shape);
        let own = self.rows.get_or_insert_with(|| rows.clone());
        (*own == rows && rows.known().is_none()).then(|| self.input(name, RowInput::Indices))
    }

    /// Returns whether a step reads rows in another order.
    pub fn moves_rows(&self) -> bool {
        self.steps.iter().any(RowStep::moves_rows)
    }

    /// Returns whether the inputs tell the number of rows: tables have others.
    pub fn tells_rows(&self) -> bool {
        let tells = |input: &RowInput| matches!(input, RowInput::Rows(_) | RowInput::Flags(_) | RowInput::Indices);
        let joins = self.steps.iter().any(|step| matches!(step, RowStep::Join(..)));
        joins || self.inputs.iter().any(|(_, input)| tells(input))
    }

    fn input(&mut self, name: &'a str, input: RowInput) -> usize {
        let known = self.inputs.iter().position(|other| *other == (name, input));
        known.unwrap_or_else(|| {
            self.inputs.push((name, input));
            self.inputs.len() - 1
        })
    }

    /// Returns a tensor as an operand of an elementwise result.
    pub fn operand(&mut self, name: &'a str, result: &TensorInfo) -> Option<RowOperand> {
        let info = self.info(name)?;
        if info.is_one()
            && let Some(number) = info.number
        {
            return Some(RowOperand::number(number));
        }
        let (last, rest) = result.shape.split_last()?;
        if info.constant {
            let wide = last.size().filter(|_| !rest.is_empty() && info.shape.last() == Some(last))?;
            return self.constant(name, wide).map(RowOperand::Value);
        }
        let (own_last, own_rest) = info.shape.split_last()?;
        let column = !rest.is_empty() && own_rest == rest && own_last.is_one() && last.size().is_some();
        (info.shape == result.shape || column).then(|| self.value(name)).flatten().map(RowOperand::Value)
    }

    /// Adds a step; `name` is its result.
    pub fn push(&mut self, step: RowStep, name: &'a str) {
        self.steps.push(step);
        self.values.insert(name, STEPS + self.steps.len() - 1);
    }

    /// Adds a step whose result has no name; returns its value.
    pub fn push_unnamed(&mut self, step: RowStep) -> usize {
        self.steps.push(step);
        STEPS + self.steps.len() - 1
    }

    /// Gives a value another name.
    pub fn alias(&mut self, value: usize, name: &'a str) {
        self.values.insert(name, value);
    }

    /// Returns the program; or the index of an output that no program can have.
    pub fn finish(mut self, outputs: &[&'a str]) -> Result<Program<'a>, usize> {
        let count = self.inputs.len();
        let number = |value: usize| if value >= STEPS { value - STEPS + count } else { value };
        self.steps.iter_mut().flat_map(RowStep::reads_mut).for_each(|value| *value = number(*value));
        let shape = |(index, name): (usize, &&'a str)| {
            let shape = self.output_shape(name).ok_or(index)?;
            Ok(RowOutput { value: number(self.values[name]), shape })
        };
        let outputs = outputs.iter().enumerate().map(shape).collect::<Result<_, usize>>()?;
        let (inputs, kinds) = self.inputs.into_iter().unzip();
        Ok(Program { inputs, program: RowProgram { inputs: kinds, steps: self.steps, outputs } })
    }

    /// Returns the shape of an output from those of the inputs; `None` if it cannot be told, or if it is not real.
    fn output_shape(&self, name: &str) -> Option<Vec<RowDimension>> {
        let (info, rows) = (self.info(name)?, self.rows.as_ref()?);
        let like = |length: &Dimension| {
            self.inputs.iter().enumerate().find_map(|(index, (name, _))| {
                let axis = self.info(name)?.shape.iter().position(|own| own == length)?;
                Some(RowDimension::Like(index, axis))
            })
        };
        let dimension = |length: &Dimension| match length.size() {
            Some(size) => Some(RowDimension::Length(size)),
            None => like(length).or_else(|| (length == rows).then_some(RowDimension::Rows)),
        };
        (info.element == self.shapes.real || self.numbers.contains(name))
            .then(|| info.shape.iter().map(dimension).collect())
            .flatten()
    }
}
