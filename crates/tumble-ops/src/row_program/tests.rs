//! Programs against their definition, row by row and number by number.

use pulp::{Simd, WithSimd};

use super::block::Dispatch;
use super::layout::Layout;
use super::parts::{Run, Source};
use super::*;
use crate::simd::with_each_register;

const WIDTH: usize = 5;

fn wave(count: usize, step: f64) -> Vec<f64> {
    (0..count).map(|i| (step * i as f64 + 1.0).sin()).collect()
}

/// A program with every kind of step; its inputs are rows of width 5 and 1, flags, a constant and two weights.
fn program() -> RowProgram {
    let (value, number) = (RowOperand::Value, RowOperand::number);
    let inputs = vec![
        RowInput::Rows(WIDTH),
        RowInput::Rows(1),
        RowInput::Flags(WIDTH),
        RowInput::Constant(WIDTH),
        RowInput::Weight,
        RowInput::Weight,
    ];
    let linear = |rows, weight, bias, transposed, width| RowStep::Linear { rows, weight, bias, transposed, width };
    let function = |function, rows, gradient| RowStep::Function { function, rows, gradient };
    let epsilon = 0.01f64.to_bits();
    let steps = vec![
        linear(0, 4, Some(3), false, WIDTH),                             // 6
        linear(6, 5, None, true, 7),                                     // 7
        RowStep::Binary(Binary::Mul, value(6), value(1)),                // 8
        RowStep::Binary(Binary::Add, value(3), value(8)),                // 9
        RowStep::Binary(Binary::Sub, number(0.5), value(9)),             // 10
        RowStep::Binary(Binary::Less, value(9), value(10)),              // 11
        RowStep::Binary(Binary::And, value(11), value(2)),               // 12
        RowStep::Select(12, value(1), number(f64::NEG_INFINITY)),        // 13
        RowStep::Binary(Binary::Max, value(13), number(-3.0)),           // 14
        RowStep::Unary(Unary::Exp, 14),                                  // 15
        RowStep::Sum(15),                                                // 16
        RowStep::Concat(vec![15, 16, 7]),                                // 17
        RowStep::Slice(17, 3, 8),                                        // 18
        function(RowFunction::Glu, 18, None),                            // 19
        RowStep::Repeat(value(16), 4),                                   // 20
        function(RowFunction::GluGradient, 18, Some(20)),                // 21
        function(RowFunction::RmsNorm(epsilon), 21, None),               // 22
        function(RowFunction::LayerNormGradient(epsilon), 22, Some(18)), // 23
        function(RowFunction::SiluGradient, 23, Some(21)),               // 24
        RowStep::Unary(Unary::Tanh, 24),                                 // 25
    ];
    let output = |value| RowOutput { value, shape: vec![RowDimension::Rows, RowDimension::Length(1)] };
    RowProgram { inputs, steps, outputs: [25, 12, 17, 25].map(output).to_vec() }
}

/// The inputs of [`program`].
struct Case {
    rows: usize,
    wide: Vec<f64>,
    narrow: Vec<f64>,
    flags: Vec<bool>,
    constant: Vec<f64>,
    weights: [Vec<f64>; 2],
}

impl Case {
    fn new(rows: usize) -> Self {
        let flags = (0..rows * WIDTH).map(|i| i % 3 > 0).collect();
        let weights = [wave(WIDTH * WIDTH, 0.3), wave(7 * WIDTH, 0.9)];
        Self {
            rows,
            wide: wave(rows * WIDTH, 0.7),
            narrow: wave(rows, 1.1),
            flags,
            constant: wave(WIDTH, 2.1),
            weights,
        }
    }

    fn sources(&self) -> [Source<'_, f64>; 6] {
        let [first, second] = &self.weights;
        [
            Source::Numbers(&self.wide),
            Source::Numbers(&self.narrow),
            Source::Flags(&self.flags),
            Source::Numbers(&self.constant),
            Source::Weight(first, [WIDTH, WIDTH]),
            Source::Weight(second, [7, WIDTH]),
        ]
    }

    /// Computes the outputs row by row.
    fn expected(&self, program: &RowProgram) -> Vec<Vec<f64>> {
        let mut outputs = vec![Vec::new(); program.outputs.len()];
        for row in 0..self.rows {
            let of = |numbers: &[f64], width: usize| numbers[row * width..][..width].to_vec();
            let flags: Vec<_> = self.flags.iter().map(|&flag| f64::from(u8::from(flag))).collect();
            let mut values = vec![of(&self.wide, WIDTH), of(&self.narrow, 1), of(&flags, WIDTH), self.constant.clone()];
            values.extend([Vec::new(), Vec::new()]);
            for step in &program.steps {
                values.push(self.step(step, &values));
            }
            outputs.iter_mut().zip(&program.outputs).for_each(|(all, output)| all.extend(&values[output.value]));
        }
        outputs
    }

    fn step(&self, step: &RowStep, values: &[Vec<f64>]) -> Vec<f64> {
        let at = |operand: &RowOperand, column: usize| match *operand {
            RowOperand::Number(bits) => f64::from_bits(bits),
            RowOperand::Value(value) => *values[value].get(column).unwrap_or(&values[value][0]),
        };
        let width = |operands: &[&RowOperand]| {
            operands.iter().filter_map(|operand| operand.value()).map(|value| values[value].len()).max().unwrap()
        };
        match step {
            RowStep::Linear { rows, weight, bias, transposed, width } => {
                let (weight, size) = (&self.weights[weight - 4], values[*rows].len());
                let number =
                    |k: usize, column: usize| weight[if *transposed { column * size + k } else { k * width + column }];
                let product = |column| (0..size).map(|k| values[*rows][k] * number(k, column)).sum::<f64>();
                (0..*width).map(|column| product(column) + bias.map_or(0.0, |bias| values[bias][column])).collect()
            }
            RowStep::Function { function, rows, gradient } => {
                let (rows, gradient) = (&values[*rows], gradient.map_or(&[][..], |gradient| &values[gradient]));
                let [of_row, _, of_result] = function.parts();
                let mut into = vec![0.0; rows.len() / of_row * of_result];
                let width = into.len();
                // These functions have tests of their own.
                super::functions::rowwise(pulp::Scalar::new(), *function, width, rows, gradient, &mut into);
                into
            }
            RowStep::Unary(Unary::Exp, value) => values[*value].iter().map(|x| x.exp()).collect(),
            RowStep::Unary(Unary::Tanh, value) => values[*value].iter().map(|x| x.tanh()).collect(),
            RowStep::Binary(function, a, b) => {
                let f = |a: f64, b: f64| match function {
                    Binary::Mul => a * b,
                    Binary::Add => a + b,
                    Binary::Sub => a - b,
                    Binary::Max => a.max(b),
                    Binary::Less => f64::from(u8::from(a < b)),
                    Binary::And => a * b,
                    _ => panic!("not in the program"),
                };
                (0..width(&[a, b])).map(|column| f(at(a, column), at(b, column))).collect()
            }
            RowStep::Select(condition, a, b) => {
                let choice =
                    |column: usize| if values[*condition][column] != 0.0 { at(a, column) } else { at(b, column) };
                (0..values[*condition].len()).map(choice).collect()
            }
            RowStep::Sum(value) => vec![values[*value].iter().sum()],
            RowStep::Concat(parts) => parts.iter().flat_map(|&part| values[part].clone()).collect(),
            RowStep::Slice(value, start, width) => values[*value][*start..start + width].to_vec(),
            RowStep::Repeat(value, width) => vec![at(value, 0); *width],
            _ => panic!("not in the program"),
        }
    }
}

/// Computes all blocks with these registers, the last one first.
fn run_blocks<S: Simd>(simd: S, run: &Run<f64>, outputs: Vec<&mut [f64]>) {
    let (mut memory, mut turned) = (Vec::new(), Vec::new());
    let turned = run.turned(&mut turned);
    for part in run.parts(outputs).into_iter().rev() {
        Dispatch { run, turned: &turned, part, memory: &mut memory }.with_simd(simd);
    }
}

/// Runs the program for several numbers of rows and compares the outputs.
#[derive(Clone, Copy)]
struct AsDefined;

impl WithSimd for AsDefined {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let program = program();
        let mut layout = Layout::new(&program).unwrap();
        (layout.block, layout.most_at_once) = (4, 1);
        for rows in [0, 1, 4, 11] {
            let case = Case::new(rows);
            let expected = case.expected(&program);
            let mut found: Vec<_> = expected.iter().map(|all| vec![f64::NAN; all.len()]).collect();
            let outputs = found.iter_mut().map(|all| &mut all[..]).collect();
            run_blocks(simd, &Run { program: &program, layout: &layout, inputs: &case.sources(), rows }, outputs);
            for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
                assert!(found.iter().zip(expected).all(near), "output {output}: {found:?} {expected:?}");
            }
        }
    }
}

#[test]
fn programs_are_computed_as_defined_with_each_register() {
    with_each_register(AsDefined);
    pulp::Arch::new().dispatch(AsDefined);
}

#[test]
fn programs_are_written_and_read_without_loss() {
    let program = program();
    let text = serde_json::to_string(&program).unwrap();
    assert_eq!(serde_json::from_str::<RowProgram>(&text).unwrap(), program);
}

#[test]
fn step_that_reads_a_later_value_is_refused() {
    let mut program = program();
    program.steps.swap(0, 1);
    assert_eq!(program.widths(), None);
    program.steps.swap(0, 1);
    program.outputs[0].value = 26;
    assert_eq!(program.widths(), None);
}

#[test]
fn values_that_are_read_later_keep_their_place() {
    let program = program();
    let layout = Layout::new(&program).unwrap();
    // Fewer places than values, and none of an output or an input.
    assert!(layout.buffers.len() < program.steps.len() / 2, "{layout:?}");
    let outputs = layout.places.iter().filter(|place| matches!(place, super::layout::Place::Output(_))).count();
    assert_eq!(outputs, 3);
}

/// Runs a program that reads rows in another order.
#[derive(Clone, Copy)]
struct Moved;

impl WithSimd for Moved {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = vec![RowInput::Table(2), RowInput::Table(2), RowInput::Indices];
        let moves = || [RowStep::Join(0, 1), RowStep::First(1), RowStep::Last(1)];
        // The same again inside the program, which need not copy all of them.
        let inside = (7..10).map(|value| RowStep::Unary(Unary::Neg, value));
        let steps = moves().into_iter().chain([RowStep::Gather(0, 2)]).chain(moves()).chain(inside).collect();
        let output = |value| RowOutput { value, shape: vec![RowDimension::Rows, RowDimension::Length(2)] };
        let program = RowProgram { inputs, steps, outputs: (3..7).chain(10..13).map(output).collect() };
        let mut layout = Layout::new(&program).unwrap();
        (layout.block, layout.most_at_once) = (2, 1);
        let row = |row: i32| [f64::from(row), -f64::from(row)];
        for rows in [0, 1, 2, 5, 6] {
            // Three rows and the rest, of which the second table has three more than it is asked for.
            let (first, second): (Vec<_>, Vec<_>) = ((0..3).flat_map(row).collect(), (3..13).flat_map(row).collect());
            let indices: Vec<i64> = (0..rows as i64).map(|i| [2, -3, 1][i as usize % 3]).collect();
            let sources = [Source::Numbers(&first[..]), Source::Numbers(&second), Source::Indices(&indices)];
            let mut found = vec![vec![f64::NAN; 2 * rows]; 7];
            let outputs = found.iter_mut().map(|all| &mut all[..]).collect();
            run_blocks(simd, &Run { program: &program, layout: &layout, inputs: &sources, rows }, outputs);
            let expected =
                |row_of: &dyn Fn(i32) -> i32| (0..rows as i32).flat_map(|i| row(row_of(i))).collect::<Vec<_>>();
            let last = 13 - rows as i32;
            assert_eq!(found[0], expected(&|i| i));
            assert_eq!(found[1], expected(&|i| 3 + i));
            assert_eq!(found[2], expected(&|i| last + i));
            assert_eq!(found[3], expected(&|i| [2, 0, 1][i as usize % 3]));
            for (copied, negative) in (0..3).zip(4..7) {
                assert_eq!(found[negative], found[copied].iter().map(|x| -x).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn rows_are_read_in_another_order() {
    with_each_register(Moved);
}
