//! Nodes as steps of a program of rows.

use tumble_ops::row_program::{Binary, RowFunction, RowOperand, RowStep, Unary};
use tumble_ops::{DOMAIN, LINEAR, present_name};

use super::builder::Builder;
use super::dimension::Dimension;
use super::infer::axes;
use super::shapes::TensorInfo;
use crate::file::node::Node;

/// Adds a node to a program. `None` if it does not act on each row by itself, or on other rows than the program.
pub(super) fn translate<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    match node.domain {
        "" => standard(node, to),
        DOMAIN => ours(node, to),
        _ => None,
    }
}

fn standard<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    if let Some(function) = unary(node.operator) {
        let from = to.value(node.inputs[0])?;
        return finish(to, node, RowStep::Unary(function, from));
    }
    if let Some((function, swapped)) = binary(node.operator) {
        let (&[a, b], result) = (&node.inputs[..], to.info(node.outputs.first()?)?) else { return None };
        let (a, b) = (to.operand(a, result)?, to.operand(b, result)?);
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        return finish(to, node, RowStep::Binary(function, a, b));
    }
    match node.operator {
        "Identity" | "Cast" | "Reshape" | "Squeeze" | "Unsqueeze" => renamed(node, to),
        "Where" => selected(node, to),
        "Clip" => clipped(node, to),
        "Expand" => repeated(node, to),
        "Concat" => side_by_side(node, to).or_else(|| one_after_the_other(node, to)),
        "Slice" => columns(node, to).or_else(|| some_rows(node, to)),
        "Gather" => gathered(node, to),
        "Split" => parts(node, to),
        "ReduceSum" => summed(node, to),
        _ => None,
    }
}

fn unary(operator: &str) -> Option<Unary> {
    Some(match operator {
        "Neg" => Unary::Neg,
        "Abs" => Unary::Abs,
        "Not" => Unary::Not,
        "Sqrt" => Unary::Sqrt,
        "Exp" => Unary::Exp,
        "Log" => Unary::Log,
        "Reciprocal" => Unary::Reciprocal,
        "Sigmoid" => Unary::Sigmoid,
        "Sin" => Unary::Sin,
        "Cos" => Unary::Cos,
        "Tanh" => Unary::Tanh,
        _ => return None,
    })
}

/// Returns a function of two numbers, and whether they are exchanged.
fn binary(operator: &str) -> Option<(Binary, bool)> {
    Some(match operator {
        "Add" => (Binary::Add, false),
        "Sub" => (Binary::Sub, false),
        "Mul" => (Binary::Mul, false),
        "Div" => (Binary::Div, false),
        "Less" => (Binary::Less, false),
        "Greater" => (Binary::Less, true),
        "LessOrEqual" => (Binary::LessOrEqual, false),
        "GreaterOrEqual" => (Binary::LessOrEqual, true),
        "Equal" => (Binary::Equal, false),
        "And" => (Binary::And, false),
        "Or" => (Binary::Or, false),
        _ => return None,
    })
}

/// Adds the step of a node with one result, of the program's rows.
fn finish<'a>(to: &mut Builder<'a, '_>, node: &Node<'a>, step: RowStep) -> Option<()> {
    let &[output] = &node.outputs[..] else { return None };
    to.width(output)?;
    to.push(step, output);
    Some(())
}

fn renamed<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (input, &[output]) = (*node.inputs.first()?, &node.outputs[..]) else { return None };
    // Numbers as Booleans would have to become 0 and 1.
    let same = to.width(output)? == to.width(input)? && (to.is_flags(input) || !to.is_flags(output));
    let value = to.value(input).filter(|_| same)?;
    to.alias(value, output);
    Some(())
}

fn selected<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (&[condition, a, b], result) = (&node.inputs[..], to.info(node.outputs.first()?)?) else { return None };
    let (a, b) = (to.operand(a, result)?, to.operand(b, result)?);
    let RowOperand::Value(condition) = to.operand(condition, result)? else { return None };
    finish(to, node, RowStep::Select(condition, a, b))
}

fn clipped<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let mut value = to.value(node.inputs.first()?)?;
    for (name, function) in node.inputs[1..].iter().zip([Binary::Max, Binary::Min]) {
        if !name.is_empty() {
            let bound = to.info(name).and_then(|info| info.number)?;
            value = to.push_unnamed(RowStep::Binary(function, RowOperand::Value(value), RowOperand::number(bound)));
        }
    }
    let &[output] = &node.outputs[..] else { return None };
    to.alias(value, output);
    to.width(output).map(|_| ())
}

fn repeated<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (input, &[output]) = (*node.inputs.first()?, &node.outputs[..]) else { return None };
    let width = to.width(output)?;
    match to.operand(input, to.info(output)?)? {
        RowOperand::Value(value) if to.info(input)?.shape == to.info(output)?.shape => to.alias(value, output),
        from => to.push(RowStep::Repeat(from, width), output),
    }
    Some(())
}

/// Returns whether `axis` is the last one of a tensor with several.
fn is_last(axis: i64, info: &TensorInfo) -> bool {
    let rank = info.shape.len() as i64;
    rank > 1 && axis.rem_euclid(rank) == rank - 1
}

fn side_by_side<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let last = is_last(node.integer("axis")?, to.info(node.outputs.first()?)?);
    let values = node.inputs.iter().filter(|_| last).map(|name| to.value(name)).collect::<Option<Vec<_>>>()?;
    (!values.is_empty()).then(|| finish(to, node, RowStep::Concat(values))).flatten()
}

/// Rows of two tensors, one after the other.
fn one_after_the_other<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let &[first, second] = &node.inputs[..] else { return None };
    (node.integer("axis")? == 0).then_some(())?;
    let width = to.width(node.outputs.first()?)?;
    let (first, second) = (to.table(first)?, to.table(second)?);
    [first, second].iter().all(|&table| to.table_width(table) == width).then_some(())?;
    finish(to, node, RowStep::Join(first, second))
}

/// Returns the length in an input of one.
fn one_length<'a>(node: &Node, to: &Builder<'a, '_>, index: usize) -> Option<&'a Dimension> {
    let lengths = to.info(node.inputs.get(index)?)?.lengths.as_ref()?;
    lengths.first().filter(|_| lengths.len() == 1)
}

/// The first or the last rows of a tensor.
fn some_rows<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (start, axis) = (one_length(node, to, 1)?, one_length(node, to, 3)?.known()?);
    let plain = axis == 0 && (node.inputs.len() < 5 || one_length(node, to, 4)?.is_one());
    let (all, rows) = (to.info(node.inputs[0])?.shape.first()?, to.info(node.outputs.first()?)?.shape.first()?);
    let step = match (start.known() == Some(0), start.plus(rows) == *all) {
        (true, _) => RowStep::First,
        (false, true) => RowStep::Last,
        _ => return None,
    };
    plain.then_some(())?;
    to.width(node.outputs.first()?)?;
    let table = to.table(node.inputs[0])?;
    finish(to, node, step(table))
}

/// Rows of a tensor at indices.
fn gathered<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let &[table, indices] = &node.inputs[..] else { return None };
    (node.integer("axis").unwrap_or(0) == 0).then_some(())?;
    let width = to.width(node.outputs.first()?)?;
    let (table, indices) = (to.table(table)?, to.indices(indices)?);
    (to.table_width(table) == width).then_some(())?;
    finish(to, node, RowStep::Gather(table, indices))
}

fn columns<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let number = |index: usize| one_length(node, to, index)?.known();
    let (start, axis) = (number(1)?, number(3)?);
    let info = to.info(node.inputs[0])?;
    let length = info.shape.last()?.known()?;
    let start = if start < 0 { start + length } else { start };
    let width = to.info(node.outputs.first()?)?.shape.last()?.size()?;
    let plain = node.inputs.len() < 5 || number(4)? == 1;
    (is_last(axis, info) && plain && start >= 0 && start + width as i64 <= length).then_some(())?;
    let from = to.value(node.inputs[0])?;
    finish(to, node, RowStep::Slice(from, start as usize, width))
}

fn parts<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (from, mut start) = (*node.inputs.first()?, 0);
    is_last(node.integer("axis").unwrap_or(0), to.info(from)?).then_some(())?;
    let from = to.value(from)?;
    for output in &node.outputs {
        let width = to.width(output)?;
        to.push(RowStep::Slice(from, start, width), output);
        start += width;
    }
    Some(())
}

fn summed<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let info = to.info(node.inputs.first()?)?;
    let axes = axes(node, node.inputs.get(1).and_then(|name| to.info(name)))?;
    let &[axis] = &axes[..] else { return None };
    (is_last(axis, info) && info.shape.last()?.size().is_some()).then_some(())?;
    let from = to.value(node.inputs[0])?;
    (to.width(node.outputs.first()?)? == 1).then(|| finish(to, node, RowStep::Sum(from))).flatten()
}

fn ours<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    if node.operator == LINEAR {
        return product(node, to);
    }
    let epsilon = || node.float("epsilon").map(f64::to_bits);
    let function = match present_name(node.operator) {
        "Silu" => RowFunction::Silu,
        "SiluGradient" => RowFunction::SiluGradient,
        "Glu" => RowFunction::Glu,
        "GluGradient" => RowFunction::GluGradient,
        "RmsNorm" => RowFunction::RmsNorm(epsilon()?),
        "RmsNormGradient" => RowFunction::RmsNormGradient(epsilon()?),
        "LayerNorm" => RowFunction::LayerNorm(epsilon()?),
        "LayerNormGradient" => RowFunction::LayerNormGradient(epsilon()?),
        _ => return None,
    };
    let rows = matrix(to, node.inputs.first()?)?;
    let gradient = node.inputs.get(1).map(|name| matrix(to, name).ok_or(())).transpose().ok()?;
    (gradient.is_some() == (function.parts()[1] > 0)).then_some(())?;
    finish(to, node, RowStep::Function { function, rows, gradient })
}

/// Returns a tensor whose last axis is a row.
fn matrix<'a>(to: &mut Builder<'a, '_>, name: &'a str) -> Option<usize> {
    let known = to.info(name)?.shape.last()?.size().is_some() && to.info(name)?.shape.len() > 1;
    known.then(|| to.value(name)).flatten()
}

fn product<'a>(node: &Node<'a>, to: &mut Builder<'a, '_>) -> Option<()> {
    let (transposed, last) = (node.is_set("transposed"), to.info(node.inputs.first()?)?.shape.last()?);
    // A product alone tells more of a weight that does not fit.
    (to.info(node.inputs.get(1)?)?.shape.get(usize::from(transposed))? == last).then_some(())?;
    let rows = matrix(to, node.inputs.first()?)?;
    let weight = to.weight(node.inputs.get(1)?)?;
    let width = to.info(node.outputs.first()?)?.shape.last()?.size()?;
    let bias = node.inputs.get(2).map(|name| to.constant(name, width).ok_or(())).transpose().ok()?;
    finish(to, node, RowStep::Linear { rows, weight, bias, transposed, width })
}
