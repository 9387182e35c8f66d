//! Shapes of the results of a node from those of its inputs.

use tumble_ops::{DOMAIN, LINEAR, present_name};

use super::dimension::{Dimension, product};
use super::graph::Constant;
use super::shapes::{Symbols, TensorInfo};
use crate::file::node::Node;

/// Numbers of `TensorProto.DataType`.
pub(super) const FLOAT: u64 = 1;
pub(super) const INT64: u64 = 7;
pub(super) const BOOL: u64 = 9;
pub(super) const DOUBLE: u64 = 11;

/// Lengths of axes above this stand for the end, in slices.
const END: i64 = 1 << 31;

/// Most numbers in a vector of lengths.
const MOST_LENGTHS: usize = 8;

type Inputs<'a> = [Option<&'a TensorInfo>];

/// Returns the element type and shape of each result of a node, if they can be told.
pub(super) fn infer(node: &Node, inputs: &Inputs, symbols: &mut Symbols) -> Vec<Option<TensorInfo>> {
    let mut found = match node.domain {
        "" => standard(node, inputs, symbols),
        DOMAIN => ours(node, inputs, symbols),
        _ => None,
    };
    let given = node.inputs.iter().zip(inputs).filter(|(name, _)| !name.is_empty());
    let constant = given.into_iter().all(|(_, info)| info.is_some_and(|info| info.constant));
    for info in found.iter_mut().flatten() {
        info.constant |= constant;
        info.lengths = info.lengths.take().or_else(|| lengths(node, inputs, info));
    }
    let mut found: Vec<_> = found.unwrap_or_default().into_iter().map(Some).collect();
    found.resize(node.outputs.len(), None);
    found
}

/// Shapes of ONNX's own operators.
fn standard(node: &Node, inputs: &Inputs, symbols: &mut Symbols) -> Option<Vec<TensorInfo>> {
    let input = |index: usize| inputs.get(index).copied().flatten();
    let first = || input(0);
    let kept = |element: u64| Some(TensorInfo::new(element, first()?.shape.clone()));
    let one = match node.operator {
        "Constant" => TensorInfo::of_constant(&Constant::of_attribute(node.attributes.get("value")?)?),
        "Identity" | "Neg" | "Abs" | "Sqrt" | "Exp" | "Log" | "Reciprocal" | "Sigmoid" | "Sin" | "Cos" | "Tanh"
        | "Erf" | "Floor" | "Ceil" | "Round" | "Sign" | "CumSum" | "Clip" | "Softplus" | "Relu" | "Softmax" => {
            kept(first()?.element)?
        }
        "Not" | "IsNaN" | "IsInf" => kept(BOOL)?,
        "Cast" => kept(node.integer("to")? as u64)?,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Mod" => {
            TensorInfo::new(first()?.element, broadcast(inputs, symbols)?)
        }
        "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "Equal" | "And" | "Or" | "Xor" => {
            TensorInfo::new(BOOL, broadcast(inputs, symbols)?)
        }
        "Where" => TensorInfo::new(input(1)?.element, broadcast(inputs, symbols)?),
        "Expand" => expanded(first()?, input(1)?.lengths.as_ref()?, symbols),
        "Shape" => shape(node, first()?),
        "Reshape" => reshaped(node, first()?, input(1)?.lengths.as_ref()?, symbols),
        "Squeeze" => squeezed(first()?, axes(node, input(1))),
        "Unsqueeze" => unsqueezed(first()?, &axes(node, input(1))?)?,
        "Transpose" => transposed(node, first()?)?,
        "Concat" => joined(node, inputs)?,
        "Slice" => sliced(inputs, symbols)?,
        "Split" => return split(node, first()?, input(1)),
        "Gather" => gathered(node, first()?, input(1)?)?,
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" => {
            reduced(first()?, &axes(node, input(1))?, node.integer("keepdims") != Some(0))?
        }
        "MatMul" => multiplied(first()?, input(1)?, symbols)?,
        "Range" => range(inputs, symbols)?,
        "NonZero" => TensorInfo::new(INT64, vec![(first()?.shape.len() as i64).into(), symbols.next()]),
        "ConstantOfShape" => filled(node, input(0)?.lengths.as_ref()?),
        _ => return None,
    };
    Some(vec![one])
}

/// Shapes of our operators.
fn ours(node: &Node, inputs: &Inputs, symbols: &mut Symbols) -> Option<Vec<TensorInfo>> {
    let input = |index: usize| inputs.get(index).copied().flatten();
    let first = input(0)?;
    let with_last = |last: Dimension| {
        let (_, rows) = first.shape.split_last()?;
        Some(vec![TensorInfo::new(first.element, [rows, &[last]].concat())])
    };
    let last = || first.shape.last();
    let same = |info: &TensorInfo| TensorInfo::new(info.element, info.shape.clone());
    match present_name(node.operator) {
        LINEAR => with_last(input(1)?.shape.get(usize::from(!node.is_set("transposed")))?.clone()),
        "Glu" => with_last(last()?.over(&2.into())?),
        "Attention" => with_last(last()?.over(&3.into())?),
        "AttentionGradient" => Some(vec![same(first), same(input(1)?)]),
        "AdaptiveCutoff" => Some(vec![TensorInfo::new(first.element, first.shape.get(..1)?.to_vec()); 2]),
        "ReverseEdges" | "NeighborRows" => {
            let rows = input(1)?.shape.first()?.clone();
            Some(vec![TensorInfo::new(first.element, [&[rows], first.shape.get(1..)?].concat())])
        }
        "PruneEdges" => pruned(first, symbols),
        "RestoreEdges" => {
            let [centers, slots] = &input(1)?.shape[..] else { return None };
            let rest = first.shape.get(2..)?;
            Some(vec![TensorInfo::new(first.element, [&[centers.clone(), slots.clone()], rest].concat())])
        }
        name if ["Silu", "RmsNorm", "LayerNorm", "SumOverStructure"].contains(&name) || name.ends_with("Gradient") => {
            Some(vec![same(first)])
        }
        _ => None,
    }
}

fn pruned(rows: &TensorInfo, symbols: &mut Symbols) -> Option<Vec<TensorInfo>> {
    let narrow = vec![rows.shape.first()?.clone(), symbols.next()];
    let kept = TensorInfo::new(rows.element, [&narrow[..], rows.shape.get(2..)?].concat());
    let of = |element| TensorInfo::new(element, narrow.clone());
    Some(vec![kept, of(INT64), of(BOOL), of(INT64)])
}

/// Returns the shape of an elementwise result. A length that may be one of two is a new one.
fn broadcast(inputs: &Inputs, symbols: &mut Symbols) -> Option<Vec<Dimension>> {
    let mut shape: Vec<Dimension> = Vec::new();
    for info in inputs {
        let other = &info.as_ref()?.shape;
        let rank = shape.len().max(other.len());
        let at =
            |shape: &[Dimension], axis: usize| (axis + shape.len()).checked_sub(rank).map(|axis| shape[axis].clone());
        let both = (0..rank).map(|axis| match (at(&shape, axis), at(other, axis)) {
            (Some(a), Some(b)) if a == b || b.is_one() => a,
            (Some(a), Some(b)) if a.is_one() => b,
            (Some(a), Some(b)) if a.known().is_some() || b.known().is_some() => {
                if a.known().is_some() {
                    a
                } else {
                    b
                }
            }
            (Some(_), Some(_)) => symbols.next(),
            (a, b) => a.or(b).unwrap_or_else(|| 1.into()),
        });
        shape = both.collect();
    }
    Some(shape)
}

fn expanded(from: &TensorInfo, lengths: &[Dimension], symbols: &mut Symbols) -> TensorInfo {
    let to = TensorInfo::new(INT64, lengths.to_vec());
    let shape = broadcast(&[Some(from), Some(&to)], symbols).unwrap_or_default();
    TensorInfo::new(from.element, shape)
}

fn shape(node: &Node, of: &TensorInfo) -> TensorInfo {
    let rank = of.shape.len() as i64;
    let index = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let (start, end) = (index(node.integer("start").unwrap_or(0)), index(node.integer("end").unwrap_or(rank)));
    let lengths = of.shape[start.min(end)..end].to_vec();
    let shape = vec![(lengths.len() as i64).into()];
    TensorInfo { lengths: Some(lengths), ..TensorInfo::new(INT64, shape) }
}

fn reshaped(node: &Node, from: &TensorInfo, to: &[Dimension], symbols: &mut Symbols) -> TensorInfo {
    let zero = node.is_set("allowzero");
    let mut shape: Vec<_> = to.to_vec();
    for (axis, length) in shape.iter_mut().enumerate() {
        if length.known() == Some(0)
            && !zero
            && let Some(own) = from.shape.get(axis)
        {
            *length = own.clone();
        }
    }
    if let Some(rest) = shape.iter().position(|length| length.known() == Some(-1)) {
        shape[rest] = 1.into();
        shape[rest] = product(&from.shape).over(&product(&shape)).unwrap_or_else(|| symbols.next());
    }
    TensorInfo::new(from.element, shape)
}

/// Returns the axes of a node, from its attribute or its second input.
pub(super) fn axes(node: &Node, input: Option<&TensorInfo>) -> Option<Vec<i64>> {
    let attribute = node.attributes.get("axes").map(|axes| axes.integers.clone());
    attribute.or_else(|| input?.lengths.as_ref()?.iter().map(Dimension::known).collect())
}

fn squeezed(from: &TensorInfo, axes: Option<Vec<i64>>) -> TensorInfo {
    let rank = from.shape.len() as i64;
    let gone = |axis: usize, length: &Dimension| match &axes {
        Some(axes) => axes.iter().any(|&own| own.rem_euclid(rank) == axis as i64),
        None => length.is_one(),
    };
    let left = from.shape.iter().enumerate().filter(|(axis, length)| !gone(*axis, length));
    TensorInfo::new(from.element, left.map(|(_, length)| length.clone()).collect())
}

fn unsqueezed(from: &TensorInfo, axes: &[i64]) -> Option<TensorInfo> {
    let rank = (from.shape.len() + axes.len()) as i64;
    let new: Vec<_> = axes.iter().map(|axis| axis.rem_euclid(rank)).collect();
    let mut own = from.shape.iter().cloned();
    let shape = (0..rank).map(|axis| if new.contains(&axis) { Some(1.into()) } else { own.next() });
    Some(TensorInfo::new(from.element, shape.collect::<Option<_>>()?))
}

fn transposed(node: &Node, from: &TensorInfo) -> Option<TensorInfo> {
    let order = node.attributes.get("perm").map(|order| order.integers.clone());
    let order = order.unwrap_or_else(|| (0..from.shape.len() as i64).rev().collect());
    let shape = order.iter().map(|&axis| from.shape.get(axis as usize).cloned());
    Some(TensorInfo::new(from.element, shape.collect::<Option<_>>()?))
}

fn joined(node: &Node, inputs: &Inputs) -> Option<TensorInfo> {
    let first = inputs.first().copied().flatten()?;
    let axis = node.integer("axis")?.rem_euclid((first.shape.len() as i64).max(1)) as usize;
    let mut shape = first.shape.clone();
    for other in &inputs[1..] {
        let length = other.as_ref()?.shape.get(axis)?;
        *shape.get_mut(axis)? = shape.get(axis)?.plus(length);
    }
    Some(TensorInfo::new(first.element, shape))
}

fn sliced(inputs: &Inputs, symbols: &mut Symbols) -> Option<TensorInfo> {
    let lengths = |index: usize| inputs.get(index).copied().flatten().and_then(|info| info.lengths.clone());
    let (from, starts, ends) = (inputs[0]?, lengths(1), lengths(2));
    let rank = from.shape.len() as i64;
    let known = |index: usize| lengths(index)?.iter().map(Dimension::known).collect::<Option<Vec<_>>>();
    let count = inputs.get(1).copied().flatten()?.shape.first()?.size()?;
    let axes = if inputs.len() > 3 { known(3)? } else { (0..count as i64).collect() };
    let steps = if inputs.len() > 4 { known(4)? } else { vec![1; count] };
    let mut shape = from.shape.clone();
    for (index, axis) in axes.iter().enumerate() {
        let length = &mut shape[axis.rem_euclid(rank.max(1)) as usize];
        let ends = starts.as_ref().zip(ends.as_ref()).filter(|_| steps[index] == 1);
        let found = ends.and_then(|(starts, ends)| slice_length(length, &starts[index], &ends[index]));
        *length = found.unwrap_or_else(|| symbols.next());
    }
    Some(TensorInfo::new(from.element, shape))
}

/// Returns the length of a slice; `None` if it is not certain.
fn slice_length(length: &Dimension, start: &Dimension, end: &Dimension) -> Option<Dimension> {
    let from_end = |at: &Dimension| if at.known().is_some_and(|at| at < 0) { length.plus(at) } else { at.clone() };
    let start = from_end(start);
    let end = if end.known().is_some_and(|end| end >= END) { length.clone() } else { from_end(end) };
    let ordered = |a: &Dimension, b: &Dimension| b.minus(a).is_natural();
    let end = if ordered(length, &end) { length.clone() } else { end };
    (start.is_natural() && ordered(&start, &end) && ordered(&end, length)).then(|| end.minus(&start))
}

fn split(node: &Node, from: &TensorInfo, sizes: Option<&TensorInfo>) -> Option<Vec<TensorInfo>> {
    let axis = node.integer("axis").unwrap_or(0).rem_euclid((from.shape.len() as i64).max(1)) as usize;
    let part = |length: &Dimension| {
        let mut info = TensorInfo::new(from.element, from.shape.clone());
        info.shape[axis] = length.clone();
        info
    };
    match sizes {
        Some(sizes) => Some(sizes.lengths.as_ref()?.iter().map(part).collect()),
        None => {
            let length = from.shape[axis].over(&(node.outputs.len() as i64).into())?;
            Some(vec![part(&length); node.outputs.len()])
        }
    }
}

fn gathered(node: &Node, from: &TensorInfo, indices: &TensorInfo) -> Option<TensorInfo> {
    let axis = node.integer("axis").unwrap_or(0).rem_euclid((from.shape.len() as i64).max(1)) as usize;
    let shape = [from.shape.get(..axis)?, &indices.shape, from.shape.get(axis + 1..)?].concat();
    Some(TensorInfo::new(from.element, shape))
}

fn reduced(from: &TensorInfo, axes: &[i64], keep: bool) -> Option<TensorInfo> {
    let rank = from.shape.len() as i64;
    let gone = |axis: usize| axes.iter().any(|&own| own.rem_euclid(rank.max(1)) == axis as i64);
    let left = from.shape.iter().enumerate().filter_map(|(axis, length)| match (gone(axis), keep) {
        (true, true) => Some(1.into()),
        (true, false) => None,
        (false, _) => Some(length.clone()),
    });
    (!axes.is_empty()).then(|| TensorInfo::new(from.element, left.collect()))
}

fn multiplied(a: &TensorInfo, b: &TensorInfo, symbols: &mut Symbols) -> Option<TensorInfo> {
    let (&[ref batch @ .., ref rows, _], &[ref others @ .., _, ref columns]) = (&a.shape[..], &b.shape[..]) else {
        return None;
    };
    let [batch, others] = [batch, others].map(|shape| TensorInfo::new(0, shape.to_vec()));
    let batch = broadcast(&[Some(&batch), Some(&others)], symbols)?;
    Some(TensorInfo::new(a.element, [&batch[..], &[rows.clone(), columns.clone()]].concat()))
}

fn range(inputs: &Inputs, symbols: &mut Symbols) -> Option<TensorInfo> {
    let number = |index: usize| inputs[index]?.lengths.as_ref()?.first().cloned();
    let (start, end, step) = (number(0), number(1), number(2));
    let plain = start.is_some_and(|start| start.known() == Some(0)) && step.is_some_and(|step| step.is_one());
    let length = end.filter(|end| plain && end.is_natural()).unwrap_or_else(|| symbols.next());
    Some(TensorInfo::new(inputs[0]?.element, vec![length]))
}

fn filled(node: &Node, lengths: &[Dimension]) -> TensorInfo {
    let value = node.attributes.get("value").and_then(Constant::of_attribute);
    let element = value.as_ref().map_or(FLOAT, |value| value.element);
    let number = value.and_then(|value| value.numbers?.first().copied()).or(Some(0.0));
    TensorInfo { number, ..TensorInfo::new(element, lengths.to_vec()) }
}

/// Returns the lengths that a vector or scalar of integers holds.
fn lengths(node: &Node, inputs: &Inputs, info: &TensorInfo) -> Option<Vec<Dimension>> {
    let of = |index: usize| inputs.get(index).copied().flatten()?.lengths.as_ref();
    let count = product(&info.shape).size().filter(|&count| count <= MOST_LENGTHS && info.element == INT64)?;
    let each = |f: fn(&Dimension, &Dimension) -> Dimension| {
        let (a, b) = (of(0)?, of(1)?);
        let at = |lengths: &[Dimension], index: usize| lengths.get(if lengths.len() == 1 { 0 } else { index }).cloned();
        (0..count).map(|index| Some(f(&at(a, index)?, &at(b, index)?))).collect::<Option<Vec<_>>>()
    };
    match node.operator {
        "Squeeze" | "Unsqueeze" | "Reshape" | "Identity" | "Cast" => of(0).cloned(),
        "Concat" => (0..inputs.len())
            .map(of)
            .collect::<Option<Vec<_>>>()
            .map(|all| all.into_iter().flatten().cloned().collect()),
        "Add" => each(Dimension::plus),
        "Sub" => each(Dimension::minus),
        "Mul" => each(Dimension::times),
        "Gather" => {
            let (from, indices) = (of(0)?, of(1)?);
            let at = |index: &Dimension| from.get(index.known()?.rem_euclid(from.len() as i64) as usize).cloned();
            indices.iter().map(at).collect()
        }
        _ => None,
    }
}
