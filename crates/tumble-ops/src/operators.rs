//! The kernels as custom operators of ONNX Runtime: check the sizes of its tensors and call the kernels on slices.

use ort::operator::{BoxedKernel, ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{PrimitiveTensorElementType, TensorElementType};
use tumble_core::echo::echo;
use tumble_core::panics::in_one_line;

use crate::adaptive_cutoff::Equation;
use crate::attention::{self, Layout};
use crate::linear::{Weight, linear_on};
use crate::rowwise::{
    self, Function, Glu, GluGradient, LayerNorm, LayerNormGradient, RmsNorm, RmsNormGradient, Silu, SiluGradient,
};
use crate::simd::SimdFloat;
use crate::tensors::{Outputs, Tensor, wrong};
use crate::threads::Threads;
use crate::{LINEAR, Real};

/// A custom operator for one precision.
#[derive(Clone)]
pub(crate) struct FusedOperator {
    name: &'static str,
    inputs: Vec<TensorElementType>,
    /// An input after these that may be missing.
    optional: Option<TensorElementType>,
    outputs: Vec<TensorElementType>,
    kernel: fn(&KernelContext) -> ort::Result<BoxedKernel<'static>>,
}

/// An element type with kernels.
pub(crate) trait Number: Real + SimdFloat + PrimitiveTensorElementType {}

impl<T: Real + SimdFloat + PrimitiveTensorElementType> Number for T {}

impl Operator for FusedOperator {
    type Kernel<'attr> = BoxedKernel<'static>;

    fn name(&self) -> &str {
        self.name
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let optional = self.optional.map(OperatorInput::optional);
        self.inputs.iter().copied().map(OperatorInput::required).chain(optional)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        self.outputs.iter().copied().map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'static>> {
        let mut kernel = (self.kernel)(context)?;
        // No panic may cross ONNX Runtime.
        Ok(Box::new(move |context: &ComputeContext| {
            in_one_line(|| kernel.compute(context)).map_err(|error| ort::Error::new(error.to_string()))
        }))
    }
}

/// Operators and their former names, in model files of tumble 0.1.
const FORMER_NAMES: [(&str, &str); 6] = [
    ("Glu", "Gate"),
    ("GluGradient", "GateGradient"),
    ("RmsNorm", "Normalize"),
    ("RmsNormGradient", "NormalizeGradient"),
    ("LayerNorm", "Standardize"),
    ("LayerNormGradient", "StandardizeGradient"),
];

/// Returns the present name of an operator of our domain: a model file of tumble 0.1 may have the former one.
pub fn present_name(name: &str) -> &str {
    FORMER_NAMES.iter().find(|(_, former)| *former == name).map_or(name, |(name, _)| name)
}

/// Returns an operator, and again under its former name if it has one.
fn with_former_name(operator: FusedOperator) -> impl Iterator<Item = FusedOperator> {
    let former = FORMER_NAMES.iter().find(|(name, _)| *name == operator.name);
    let former = former.map(|&(_, name)| FusedOperator { name, ..operator.clone() });
    [operator].into_iter().chain(former)
}

/// Returns all operators for one precision.
pub(crate) fn fused_operators<T: Number>() -> Vec<FusedOperator> {
    let (real, index, mark) = (T::into_tensor_element_type(), TensorElementType::Int64, TensorElementType::Bool);
    // rows [R, 3·w], bias [C, 1, T], source [C·T], target [R] (for the function in the file only), filled [C·T]
    let shared = [real, real, index, index, mark];
    let attention = [
        FusedOperator {
            name: "Attention",
            inputs: shared.to_vec(),
            optional: None,
            outputs: vec![real],
            kernel: |context| {
                let heads = heads(context)?;
                Ok(Box::new(move |context: &ComputeContext| forward::<T>(context, heads)))
            },
        },
        FusedOperator {
            name: "AttentionGradient",
            inputs: [&shared[..], &[real]].concat(),
            optional: None,
            outputs: vec![real, real],
            kernel: |context| {
                let heads = heads(context)?;
                Ok(Box::new(move |context: &ComputeContext| backward::<T>(context, heads)))
            },
        },
    ];
    let cutoff = FusedOperator {
        name: "AdaptiveCutoff",
        inputs: vec![real, mark, real, real, real],
        optional: None,
        outputs: vec![real, real],
        kernel: |_| Ok(Box::new(cutoffs::<T>)),
    };
    let linear = FusedOperator {
        name: LINEAR,
        inputs: vec![real; 2],
        optional: Some(real),
        outputs: vec![real],
        kernel: |node| Ok(linear_kernel::<T>(node.get::<i64>("transposed") == Some(1), weight_name(node))),
    };
    let others = [
        cutoff,
        linear,
        rowwise::<T, Silu>("Silu", |_| Ok(row_kernel::<T, _>(Silu))),
        rowwise::<T, SiluGradient>("SiluGradient", |_| Ok(row_kernel::<T, _>(SiluGradient))),
        rowwise::<T, Glu>("Glu", |_| Ok(row_kernel::<T, _>(Glu))),
        rowwise::<T, GluGradient>("GluGradient", |_| Ok(row_kernel::<T, _>(GluGradient))),
        rowwise::<T, RmsNorm>("RmsNorm", |node| Ok(row_kernel::<T, _>(RmsNorm { epsilon: epsilon(node)? }))),
        rowwise::<T, RmsNormGradient>("RmsNormGradient", |node| {
            Ok(row_kernel::<T, _>(RmsNormGradient { epsilon: epsilon(node)? }))
        }),
        rowwise::<T, LayerNorm>("LayerNorm", |node| Ok(row_kernel::<T, _>(LayerNorm { epsilon: epsilon(node)? }))),
        rowwise::<T, LayerNormGradient>("LayerNormGradient", |node| {
            Ok(row_kernel::<T, _>(LayerNormGradient { epsilon: epsilon(node)? }))
        }),
    ];
    attention.into_iter().chain(others).flat_map(with_former_name).collect()
}

/// Returns the operator of a function of rows.
fn rowwise<T: Number, F: Function>(
    name: &'static str,
    kernel: fn(&KernelContext) -> ort::Result<BoxedKernel<'static>>,
) -> FusedOperator {
    let real = T::into_tensor_element_type();
    let inputs = if F::PARTS[1] > 0 { vec![real; 2] } else { vec![real] };
    FusedOperator { name, inputs, optional: None, outputs: vec![real], kernel }
}

fn row_kernel<T: Number, F: Function + Send + 'static>(function: F) -> BoxedKernel<'static> {
    Box::new(move |context: &ComputeContext| each_row::<T, F>(context, function))
}

fn epsilon(context: &KernelContext) -> ort::Result<f64> {
    context.get::<f32>("epsilon").map(f64::from).ok_or_else(|| wrong("it has no attribute epsilon"))
}

fn each_row<T: Number, F: Function>(context: &ComputeContext, function: F) -> ort::Result<()> {
    let [of_row, of_gradient, of_result] = F::PARTS;
    let tensor = Tensor::input(context, 0)?;
    let (shape, rows) = (tensor.shape, tensor.numbers::<T>()?);
    let gradient = if of_gradient > 0 { Tensor::input(context, 1)?.numbers()? } else { &[] };
    let columns = shape.last().map_or(0, |&columns| columns as usize);
    let width = columns / of_row;
    if width == 0 || width * of_row != columns || gradient.len() * of_row != rows.len() * of_gradient {
        return Err(wrong("its rows cannot be split into equal parts, or its gradient has another shape"));
    }
    let into = Outputs::of(context).next(&with_columns(shape, of_result * width))?;
    rowwise::apply(Threads::Session(context), function, width, (rows, gradient), into)
}

fn heads(context: &KernelContext) -> ort::Result<usize> {
    let heads = context.get::<i64>("heads").and_then(|heads| usize::try_from(heads).ok()).filter(|&heads| heads > 0);
    heads.ok_or_else(|| wrong("it has no attribute heads above 0"))
}

fn forward<T: Number>(context: &ComputeContext, heads: usize) -> ort::Result<()> {
    let tokens = Tokens::<T>::read(context, heads)?;
    let into = Outputs::of(context).next(&[tokens.count, tokens.width()])?;
    attention::forward(Threads::Session(context), tokens.inputs(), into)
}

fn backward<T: Number>(context: &ComputeContext, heads: usize) -> ort::Result<()> {
    let tokens = Tokens::<T>::read(context, heads)?;
    let gradient = Tensor::input(context, 5)?.numbers()?;
    if gradient.len() != tokens.count * tokens.width() {
        return Err(wrong("its gradient has another shape than its result"));
    }
    let mut outputs = Outputs::of(context);
    let of_rows = outputs.next(&[tokens.count, 3 * tokens.width()])?;
    let of_bias = outputs.next(&[tokens.source.len() / tokens.places, 1, tokens.places])?;
    attention::backward(Threads::Session(context), tokens.inputs(), gradient, of_rows, of_bias)
}

fn linear_kernel<T: Number>(transposed: bool, weight: String) -> BoxedKernel<'static> {
    Box::new(move |context: &ComputeContext| product::<T>(context, transposed, &weight))
}

/// Returns the name of a product's weight, for errors: many exporters leave nodes without names.
fn weight_name(node: &KernelContext) -> String {
    let inputs = node.inputs().unwrap_or_default();
    inputs.get(1).map_or_else(String::new, |weight| weight.name().to_owned())
}

/// Multiplies: rows [.., in], weight [in, out] or [out, in], bias [out] if any -> [.., out].
fn product<T: Number>(context: &ComputeContext, transposed: bool, name: &str) -> ort::Result<()> {
    let [rows, weight] = [Tensor::input(context, 0)?, Tensor::input(context, 1)?];
    let bias = if context.num_inputs()? > 2 { Tensor::input(context, 2)?.numbers()? } else { &[] };
    let (shape, rows, numbers) = (rows.shape, rows.numbers::<T>()?, weight.numbers()?);
    let &[first, second] = weight.shape else { return Err(wrong("its weight is no matrix")) };
    let (first, second) = (first as usize, second as usize);
    let sizes = if transposed { [second, first] } else { [first, second] };
    check_product(shape, sizes, bias.len(), name)?;
    let into = Outputs::of(context).next(&with_columns(shape, sizes[1]))?;
    linear_on(Threads::Session(context), rows, Weight { numbers, sizes, transposed }, bias, into)
}

/// Returns the shape of rows with another number of columns.
fn with_columns(shape: &[i64], columns: usize) -> Vec<usize> {
    let outer = shape.split_last().map_or(&[][..], |(_, outer)| outer);
    outer.iter().map(|&length| length as usize).chain([columns]).collect()
}

/// Compares the shape of the rows of a product, and the numbers of its bias, with the sizes of its weight.
fn check_product(rows: &[i64], sizes: [usize; 2], bias: usize, name: &str) -> ort::Result<()> {
    if rows.last().map(|&size| size as usize) != Some(sizes[0]) {
        let name = echo(name);
        return Err(wrong(&format!("its rows of shape {rows:?} do not fit its weight \"{name}\" of shape {sizes:?}")));
    }
    if ![0, sizes[1]].contains(&bias) {
        return Err(wrong("its bias does not have the length of the weight's rows"));
    }
    Ok(())
}

/// Centers whose cutoffs are a part of the work.
const CENTERS: usize = 16;

/// Solves for the cutoffs: distances [C, K], mask [C, K], count, cutoff and width [] -> root [C], slope [C].
fn cutoffs<T: Number>(context: &ComputeContext) -> ort::Result<()> {
    let tensor = Tensor::input(context, 0)?;
    let (distances, mask) = (tensor.numbers::<T>()?, Tensor::input(context, 1)?.numbers::<bool>()?);
    let [count, cutoff, width] = [number::<T>(context, 2)?, number::<T>(context, 3)?, number::<T>(context, 4)?];
    let &[centers, slots] = tensor.shape else { return Err(wrong("its distances are not [C, K]")) };
    if mask.len() != distances.len() {
        return Err(wrong("its mask has another shape than its distances"));
    }
    let equation = Equation { count, cutoff, width };
    equation.check().map_err(|fault| wrong(&fault))?;
    let mut outputs = Outputs::of(context);
    let (roots, slopes) = (outputs.next::<T>(&[centers as usize])?, outputs.next::<T>(&[centers as usize])?);
    let centers = roots.chunks_mut(CENTERS).zip(slopes.chunks_mut(CENTERS)).enumerate();
    Threads::Session(context).share(centers.collect(), |(part, (roots, slopes))| {
        for (center, (root, slope)) in (part * CENTERS..).zip(roots.iter_mut().zip(slopes)) {
            let row = center * slots as usize..(center + 1) * slots as usize;
            let neighbors = distances[row.clone()].iter().zip(&mask[row]).filter(|(_, mask)| **mask);
            [*root, *slope] = equation.solve(neighbors.map(|(distance, _)| *distance));
        }
    })
}

/// Returns an input of one number.
fn number<T: Number>(context: &ComputeContext, index: usize) -> ort::Result<f64> {
    let number = Tensor::input(context, index)?.numbers::<T>()?.first().map(|number| number.to_f64());
    number.ok_or_else(|| wrong("an input of one number is empty"))
}

/// The checked inputs of attention and its gradient.
struct Tokens<'a, T> {
    /// Number of tokens, R.
    count: usize,
    places: usize,
    heads: usize,
    size: usize,
    rows: &'a [T],
    bias: &'a [T],
    source: &'a [i64],
    filled: &'a [bool],
}

impl<'a, T: Number> Tokens<'a, T> {
    fn read(context: &'a ComputeContext, heads: usize) -> ort::Result<Self> {
        let [of_rows, of_bias] = [Tensor::input(context, 0)?, Tensor::input(context, 1)?];
        let (rows, bias) = (of_rows.numbers()?, of_bias.numbers()?);
        let (source, filled) = (Tensor::input(context, 2)?.numbers()?, Tensor::input(context, 4)?.numbers()?);
        let (&[count, columns], &[_, 1, places]) = (of_rows.shape, of_bias.shape) else {
            return Err(wrong("its rows are not [R, 3·w], or its bias is not [C, 1, T]"));
        };
        let (count, columns, places) = (count as usize, columns as usize, places as usize);
        let size = columns / (3 * heads);
        if size == 0 || size * 3 * heads != columns || places == 0 || [source.len(), filled.len()] != [bias.len(); 2] {
            return Err(wrong(
                "its rows are not queries, keys and values of all heads, or its source and filled are not [C·T]",
            ));
        }
        if !source.iter().all(|&row| usize::try_from(row).is_ok_and(|row| row < count)) {
            return Err(wrong("its source has an index beyond the rows"));
        }
        Ok(Self { count, places, heads, size, rows, bias, source, filled })
    }

    /// Returns the numbers in a row of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    fn inputs(&self) -> attention::Inputs<'_, T> {
        let Self { places, heads, size, rows, bias, source, filled, .. } = *self;
        attention::Inputs { layout: Layout { places, heads, size, source, filled }, rows, bias }
    }
}
