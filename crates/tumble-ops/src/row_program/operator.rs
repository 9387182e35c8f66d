//! Programs of rows as custom operators of ONNX Runtime.

use bytemuck::Pod;
use ort::operator::{BoxedKernel, ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{PrimitiveTensorElementType, TensorElementType};
use tumble_core::panics::in_one_line;

use super::elementwise::Arithmetic;
use super::layout::Layout;
use super::parts::{Run, Source};
use super::{RowDimension, RowInput, RowOutput, RowProgram, RowStep};
use crate::Real;
use crate::tensors::{Outputs, Tensor, wrong};
use crate::threads::Threads;

/// The operator for one precision.
pub(crate) struct ProgramOperator {
    pub name: &'static str,
    pub element: TensorElementType,
    pub kernel: for<'a> fn(&KernelContext<'a>) -> ort::Result<BoxedKernel<'a>>,
}

impl Operator for ProgramOperator {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        self.name
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::variadic(1)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::variadic(1).homogenous(self.element)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'attr>> {
        let mut kernel = (self.kernel)(context)?;
        // No panic may cross ONNX Runtime.
        Ok(Box::new(move |context: &ComputeContext| {
            in_one_line(|| kernel.compute(context)).map_err(|error| ort::Error::new(error.to_string()))
        }))
    }
}

/// Creates the kernel of a node, from its attribute `program`.
pub(crate) fn kernel<'a, T: Real + Arithmetic + Pod>(node: &KernelContext<'a>) -> ort::Result<BoxedKernel<'a>> {
    let text: String = node.get("program").ok_or_else(|| wrong("it has no attribute program"))?;
    let program: RowProgram = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let layout = Layout::new(&program).ok_or_else(|| wrong("a step of its program reads a later one"))?;
    let inputs = program.inputs.iter().enumerate();
    let constants: Vec<_> = inputs.map(|(index, input)| constant(node, index, *input)).collect();
    Ok(Box::new(move |context: &ComputeContext| {
        let tensors = constants.iter().enumerate();
        let tensors = tensors.map(|(index, constant)| constant.map_or_else(|| Tensor::input(context, index), Ok));
        compute::<T>(context, &program, &layout, &tensors.collect::<ort::Result<Vec<_>>>()?)
    }))
}

/// Returns a weight or a vector of the session, to ask for it once; `None` if it is computed in each run.
fn constant<'a>(node: &KernelContext<'a>, index: usize, input: RowInput) -> Option<Tensor<'a>> {
    matches!(input, RowInput::Constant(_) | RowInput::Weight).then(|| Tensor::constant(node, index)).flatten()
}

/// Returns the numbers of an input; checks the shape of a weight.
fn source<'a, T: PrimitiveTensorElementType>(tensor: &Tensor<'a>, input: RowInput) -> ort::Result<Source<'a, T>> {
    Ok(match input {
        RowInput::Flags(_) => Source::Flags(tensor.numbers()?),
        RowInput::Rows(_) | RowInput::Constant(_) | RowInput::Table(_) => Source::Numbers(tensor.numbers()?),
        RowInput::Indices => Source::Indices(tensor.numbers()?),
        RowInput::Weight => match *tensor.shape {
            [first, second] => Source::Weight(tensor.numbers()?, [first as usize, second as usize]),
            _ => return Err(wrong("its weight is no matrix")),
        },
    })
}

fn compute<T: Real + Arithmetic + Pod>(
    context: &ComputeContext,
    program: &RowProgram,
    layout: &Layout,
    tensors: &[Tensor],
) -> ort::Result<()> {
    let rows = rows(program, tensors)?;
    let sources = tensors.iter().zip(&program.inputs).map(|(tensor, input)| source::<T>(tensor, *input));
    let sources: Vec<_> = sources.collect::<ort::Result<_>>()?;
    check_weights(program, layout, &sources)?;
    check_tables(program, layout, tensors, rows)?;
    let outputs = outputs(context, program, layout, tensors, rows)?;
    Run { program, layout, inputs: &sources, rows }.on(Threads::Session(context), outputs)
}

/// Allocates the outputs.
fn outputs<'c, T: PrimitiveTensorElementType>(
    context: &'c ComputeContext,
    program: &RowProgram,
    layout: &Layout,
    tensors: &[Tensor],
    rows: usize,
) -> ort::Result<Vec<&'c mut [T]>> {
    let length = |dimension: &RowDimension| match *dimension {
        RowDimension::Length(length) => length,
        RowDimension::Like(input, axis) => tensors[input].shape.get(axis).map_or(0, |&length| length as usize),
        RowDimension::Rows => rows,
    };
    let mut outputs = Outputs::of(context);
    let allocated = |output: &RowOutput| {
        let shape: Vec<_> = output.shape.iter().map(length).collect();
        if shape.iter().product::<usize>() != rows * layout.widths[output.value] {
            return Err(wrong("an output of its program has another number of rows"));
        }
        outputs.next(&shape)
    };
    program.outputs.iter().map(allocated).collect()
}

/// Returns the number of rows, which all inputs agree on.
fn rows(program: &RowProgram, tensors: &[Tensor]) -> ort::Result<usize> {
    let count = |table: usize| tensors.get(table).map_or(0, Tensor::len);
    let width = |table: usize| match program.inputs.get(table) {
        Some(RowInput::Table(width)) => (*width).max(1),
        _ => 1,
    };
    let of_inputs = tensors.iter().zip(&program.inputs).filter_map(|(tensor, input)| match *input {
        RowInput::Rows(width) | RowInput::Flags(width) => Some((tensor.len(), width.max(1))),
        RowInput::Indices => Some((tensor.len(), 1)),
        _ => None,
    });
    let of_steps = program.steps.iter().filter_map(|step| match *step {
        RowStep::Join(first, second) => Some((count(first) + count(second), width(first))),
        _ => None,
    });
    let all: Vec<_> = of_inputs.chain(of_steps).collect();
    let &(numbers, width) = all.first().ok_or_else(|| wrong("its program has no rows"))?;
    match all.iter().all(|(found, own)| found / own == numbers / width && found % own == 0) {
        true => Ok(numbers / width),
        false => Err(wrong("the inputs of its program do not have the same number of rows")),
    }
}

/// Checks that tables have the rows that steps read of them, and constants their width.
fn check_tables(program: &RowProgram, layout: &Layout, tensors: &[Tensor], rows: usize) -> ort::Result<()> {
    tensors.iter().zip(&program.inputs).try_for_each(|(tensor, input)| check_constant(tensor, *input))?;
    for step in &program.steps {
        let (RowStep::First(table) | RowStep::Last(table) | RowStep::Gather(table, _)) = *step else { continue };
        let found = (tensors[table].len() / layout.widths[table].max(1)) as i64;
        let inside = match *step {
            RowStep::Gather(_, indices) => {
                let indices = tensors[indices].numbers::<i64>()?;
                indices.iter().all(|&index| -found <= index && index < found)
            }
            _ => found >= rows as i64,
        };
        if !inside {
            return Err(wrong("its program reads a row beyond the last one"));
        }
    }
    Ok(())
}

fn check_constant(tensor: &Tensor, input: RowInput) -> ort::Result<()> {
    match input {
        RowInput::Constant(width) if tensor.len() != width => Err(wrong("a constant of its program has another width")),
        _ => Ok(()),
    }
}

/// Compares the shapes of the weights with the widths of the rows and results of their products.
fn check_weights<T>(program: &RowProgram, layout: &Layout, sources: &[Source<T>]) -> ort::Result<()> {
    let fits = |step: &RowStep| {
        let RowStep::Linear { rows, weight, bias, transposed, width } = *step else { return true };
        let Some(&Source::Weight(_, [first, second])) = sources.get(weight) else { return false };
        let sizes = if transposed { [second, first] } else { [first, second] };
        sizes == [layout.widths[rows], width] && bias.is_none_or(|bias| layout.widths[bias] == width)
    };
    match program.steps.iter().all(fits) {
        true => Ok(()),
        false => Err(wrong("a weight of its program does not fit its rows")),
    }
}
