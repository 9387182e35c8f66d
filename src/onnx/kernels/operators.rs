//! The kernels as operators of ONNX Runtime: from its tensors to slices and back, with all sizes checked.

use ort::operator::{BoxedKernel, ComputeContext, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, ValueRef, ValueRefMut};

use super::attention::{self, Layout};
use super::lanes::Lanes;

/// One operator, for one precision.
pub(super) struct Step {
    name: &'static str,
    inputs: Vec<TensorElementType>,
    outputs: Vec<TensorElementType>,
    kernel: fn(&KernelContext) -> ort::Result<BoxedKernel<'static>>,
}

impl Operator for Step {
    type Kernel<'attr> = BoxedKernel<'static>;

    fn name(&self) -> &str {
        self.name
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        self.inputs.iter().copied().map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        self.outputs.iter().copied().map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'static>> {
        (self.kernel)(context)
    }
}

/// All of them for one precision.
pub(super) fn steps<T: Lanes + PrimitiveTensorElementType + Send>() -> [Step; 2] {
    let (real, index, mark) = (T::into_tensor_element_type(), TensorElementType::Int64, TensorElementType::Bool);
    // rows [R, 3·w], bias [C, 1, T], source [C·T], target [R], which nothing but the function in the file needs, filled [C·T]
    let shared = [real, real, index, index, mark];
    [
        Step {
            name: "Attention",
            inputs: shared.to_vec(),
            outputs: vec![real],
            kernel: |context| {
                let heads = heads(context)?;
                Ok(Box::new(move |context: &ComputeContext| forward::<T>(context, heads)))
            },
        },
        Step {
            name: "AttentionGradient",
            inputs: [&shared[..], &[real]].concat(),
            outputs: vec![real, real],
            kernel: |context| {
                let heads = heads(context)?;
                Ok(Box::new(move |context: &ComputeContext| backward::<T>(context, heads)))
            },
        },
    ]
}

fn heads(context: &KernelContext) -> ort::Result<usize> {
    let heads = context.get::<i64>("heads").and_then(|heads| usize::try_from(heads).ok()).filter(|&heads| heads > 0);
    heads.ok_or_else(|| wrong("it has no number of heads"))
}

fn forward<T: Lanes + PrimitiveTensorElementType>(context: &ComputeContext, heads: usize) -> ort::Result<()> {
    let (rows, bias) = (input(context, 0)?, input(context, 1)?);
    let (source, filled) = (input(context, 2)?, input(context, 4)?);
    let tokens = Tokens::<T>::read([&rows, &bias, &source, &filled], heads)?;
    let mut into = output(context, 0, [tokens.count, tokens.width()])?;
    let into = into.try_extract_tensor_mut::<T>()?.1;
    into.fill(T::ZERO);
    attention::forward(tokens.inputs(), into);
    Ok(())
}

fn backward<T: Lanes + PrimitiveTensorElementType>(context: &ComputeContext, heads: usize) -> ort::Result<()> {
    let (rows, bias) = (input(context, 0)?, input(context, 1)?);
    let (source, filled, gradient) = (input(context, 2)?, input(context, 4)?, input(context, 5)?);
    let tokens = Tokens::<T>::read([&rows, &bias, &source, &filled], heads)?;
    let gradient = gradient.try_extract_tensor::<T>()?.1;
    if gradient.len() != tokens.count * tokens.width() {
        return Err(wrong("its gradient has not the shape of its result"));
    }
    let mut of_rows = output(context, 0, [tokens.count, 3 * tokens.width()])?;
    let mut of_bias = output(context, 1, [tokens.source.len() / tokens.places, 1, tokens.places])?;
    let (of_rows, of_bias) = (of_rows.try_extract_tensor_mut::<T>()?.1, of_bias.try_extract_tensor_mut::<T>()?.1);
    of_rows.fill(T::ZERO);
    of_bias.fill(T::ZERO);
    attention::backward(tokens.inputs(), gradient, of_rows, of_bias);
    Ok(())
}

/// The inputs of both, found to fit together.
struct Tokens<'a, T> {
    /// Tokens, R.
    count: usize,
    places: usize,
    heads: usize,
    size: usize,
    rows: &'a [T],
    bias: &'a [T],
    source: Vec<usize>,
    filled: &'a [bool],
}

impl<'a, T: Lanes + PrimitiveTensorElementType> Tokens<'a, T> {
    fn read([rows, bias, source, filled]: [&'a DynValue; 4], heads: usize) -> ort::Result<Self> {
        let (shape, rows) = rows.try_extract_tensor::<T>()?;
        let (of_bias, bias) = bias.try_extract_tensor::<T>()?;
        let (source, filled) = (source.try_extract_tensor::<i64>()?.1, filled.try_extract_tensor::<bool>()?.1);
        let (&[count, columns], &[_, 1, places]) = (&shape[..], &of_bias[..]) else {
            return Err(wrong("its rows are not [R, 3·w], or its bias is not [C, 1, T]"));
        };
        let (count, columns, places) = (count as usize, columns as usize, places as usize);
        let size = columns / (3 * heads);
        if size * 3 * heads != columns || places == 0 || [source.len(), filled.len()] != [bias.len(); 2] {
            return Err(wrong("its rows are no queries, keys and values of all heads, or its places are not [C·T]"));
        }
        let row = |&row: &i64| usize::try_from(row).ok().filter(|&row| row < count);
        let source = source.iter().map(row).collect::<Option<_>>().ok_or_else(|| wrong("its source is no row"))?;
        Ok(Self { count, places, heads, size, rows, bias, source, filled })
    }

    /// Of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    fn inputs(&self) -> attention::Inputs<'_, T> {
        let Self { places, heads, size, rows, bias, ref source, filled, .. } = *self;
        attention::Inputs { layout: Layout { places, heads, size, source, filled }, rows, bias }
    }
}

fn input(context: &ComputeContext, index: usize) -> ort::Result<ValueRef<'_>> {
    context.input(index)?.ok_or_else(|| wrong("an input is missing"))
}

fn output<const N: usize>(context: &ComputeContext, index: usize, shape: [usize; N]) -> ort::Result<ValueRefMut<'_>> {
    context.output(index, shape)?.ok_or_else(|| wrong("an output is missing"))
}

fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("a node Attention of the domain tumble does not meet the model contract: {what}"))
}
