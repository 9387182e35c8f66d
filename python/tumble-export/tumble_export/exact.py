"""Numbers written in Python, such as `0.1 * x` or `x + 1e-9`, as they are: by itself torch's translation changes them.

It rounds them to single precision, also in graphs of double precision; and its optimizer drops terms below 1e-8 and
factors that differ from 1 by less than 1e-5.
"""

import contextlib

import onnx_ir as ir
import torch
from onnxscript import opset20 as op
from onnxscript.rewriter._pattern_ir import Constant
from onnxscript.rewriter.rules.common import _no_op
from torch.onnx._internal.exporter import _building


def scalar_tensor(value, dtype=1, **_):
    """`aten.scalar_tensor`: a number in the type of the tensors that it meets; `dtype` is a number of ONNX."""
    if isinstance(value, ir.Value):  # a size
        return op.Cast(value, to=dtype)
    return op.Constant(value=ir.tensor(value, dtype=ir.DataType(dtype)))


TABLE = {torch.ops.aten.scalar_tensor.default: scalar_tensor}


@contextlib.contextmanager
def numbers(dtype):
    """Translate numbers exactly inside this context; `dtype` is that of the graph."""
    with contextlib.ExitStack() as stack:
        for constant in approximate():
            stack.enter_context(replaced(constant, "_rel_tol", 0.0))
            stack.enter_context(replaced(constant, "_abs_tol", 0.0))
        if dtype == torch.float64:
            stack.enter_context(replaced(_building, "_determine_input_dtype", wide(_building._determine_input_dtype)))
        yield


@contextlib.contextmanager
def replaced(owner, name, value):
    """Another value of an attribute inside this context."""
    former = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, former)


def approximate():
    """The constants with which the optimizer recognizes x + 0 and 1 · x."""
    for rule in _no_op.rules:
        for node in rule._target_pattern:
            yield from (value for value in node.inputs if isinstance(value, Constant))


def wide(determine):
    """torch's choice of the type of a number, but double precision where nothing else decides."""

    def chosen(param, number, bound):
        found = determine(param, number, bound)
        several = len(param.type_constraint.allowed_types) > 1
        free = several and param.type_constraint not in bound and isinstance(number, (float, list, tuple))
        return ir.DataType.DOUBLE if free and found == ir.DataType.FLOAT else found

    return chosen
