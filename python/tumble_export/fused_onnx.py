"""The nodes of `fused.py` in an ONNX graph, and the functions that say what they are."""

import torch
from onnx import defs, parser
from onnxscript.values import Op, Opset

from . import fused as _  # registers the steps

OPSET = 20  # of the standard operators
DOMAIN, VERSION = "tumble", 1
SHARED = ["rows", "bias", "source", "target", "filled"]


def table():
    """For `torch.onnx.export`: which node a step becomes."""
    attention = node("Attention", SHARED, ["attended"])
    gradient = node("AttentionGradient", [*SHARED, "gradient"], ["rows_gradient", "bias_gradient"])
    steps = torch.ops.tumble
    return {steps.attention.default: attention, steps.attention_gradient.default: gradient}


def node(name, inputs, outputs):
    """What writes a node into a graph, for a step with these arguments and `heads`."""
    kinds = dict(source="I", target="I", filled="B")
    parameter = lambda name: defs.OpSchema.FormalParameter(name, kinds.get(name, "T"))
    schema = defs.OpSchema(
        name,
        DOMAIN,
        VERSION,
        inputs=[parameter(name) for name in inputs],
        outputs=[parameter(name) for name in outputs],
        type_constraints=[
            ("T", ["tensor(float)", "tensor(double)"], "precision"),
            ("I", ["tensor(int64)"], "indices"),
            ("B", ["tensor(bool)"], "marks"),
        ],
        attributes=[defs.OpSchema.Attribute("heads", defs.OpSchema.AttrType.INT, "number of heads")],
    )
    write = Op(Opset(DOMAIN, VERSION), name, schema)
    return lambda *tensors: write(*tensors[:-1], heads=tensors[-1])


def define(model):
    """Append the functions of the nodes that a model has."""
    nodes = [node for node in model.graph.node if node.domain == DOMAIN]
    heads = {entry.i for node in nodes for entry in node.attribute if entry.name == "heads"}
    if len(heads) > 1:
        raise SystemExit(f"its layers have {sorted(heads)} heads: all must have the same number.")
    made = {"Attention": forward, "AttentionGradient": backward}
    model.functions.extend(made[name](*heads) for name in sorted({node.op_type for node in nodes}))


def names(prefix, count):
    """What the heads' tensors are called."""
    return [f"{prefix}{head}" for head in range(count)]


def attended(heads):
    """Lines that put rows in their places and find how much tokens attend to each other, head by head."""
    split = ", ".join(names("q", heads) + names("k", heads) + names("v", heads))
    yield from (
        "sizes = Shape(bias)",
        "two = Constant<value_ints = [0, 2]>()",
        "rest = Constant<value_ints = [-1]>()",
        "centers = Gather(sizes, two)",
        "arranged = Concat<axis = 0>(centers, rest)",
        "count = Shape(source)",
        "flat = Concat<axis = 0>(count, rest)",
        "gathered = Gather(rows, source)",
        "placed = Reshape(gathered, arranged)",
        f"{split} = Split<axis = 2, num_outputs = {3 * heads}>(placed)",
    )
    for h in range(heads):
        yield f"kt{h} = Transpose<perm = [0, 2, 1]>(k{h})"
        yield f"s{h} = MatMul(q{h}, kt{h})"
        yield f"b{h} = Add(s{h}, bias)"
        yield f"p{h} = Softmax<axis = -1>(b{h})"


def forward(heads):
    """`fused.attention`."""
    lines = [*attended(heads), *(f"o{h} = MatMul(p{h}, v{h})" for h in range(heads))]
    lines += [f"all = Concat<axis = 2>({', '.join(names('o', heads))})", "list = Reshape(all, flat)"]
    return function("Attention", SHARED, ["attended"], [*lines, "attended = Gather(list, target)"])


def backward(heads):
    """`fused.attention_gradient`."""
    lines = [
        *attended(heads),
        "one = Constant<value_ints = [1]>()",
        "last = Constant<value_ints = [-1]>()",
        "there = CastLike(filled, gradient)",
        "column = Unsqueeze(there, one)",
        "padded = Gather(gradient, source)",
        "masked = Mul(padded, column)",
        "grid = Reshape(masked, arranged)",
        f"{', '.join(names('g', heads))} = Split<axis = 2, num_outputs = {heads}>(grid)",
        *(line for h in range(heads) for line in head_gradient(h)),
        f"bias_gradient = Sum({', '.join(names('db', heads))})",
        f"all = Concat<axis = 2>({', '.join(name for kind in ('dq', 'dk', 'dv') for name in names(kind, heads))})",
        "list = Reshape(all, flat)",
        "rows_gradient = Gather(list, target)",
    ]
    return function("AttentionGradient", [*SHARED, "gradient"], ["rows_gradient", "bias_gradient"], lines)


def head_gradient(h):
    """Lines for a head: through the sum of values, the softmax, the products of queries and keys."""
    return (
        f"vt{h} = Transpose<perm = [0, 2, 1]>(v{h})",
        f"dp{h} = MatMul(g{h}, vt{h})",
        f"x{h} = Mul(p{h}, dp{h})",
        f"sum{h} = ReduceSum<keepdims = 1>(x{h}, last)",
        f"y{h} = Mul(p{h}, sum{h})",
        f"ds{h} = Sub(x{h}, y{h})",
        f"db{h} = ReduceSum<keepdims = 1>(ds{h}, one)",
        f"dst{h} = Transpose<perm = [0, 2, 1]>(ds{h})",
        f"pt{h} = Transpose<perm = [0, 2, 1]>(p{h})",
        f"dq{h} = MatMul(ds{h}, k{h})",
        f"dk{h} = MatMul(dst{h}, q{h})",
        f"dv{h} = MatMul(pt{h}, g{h})",
    )


def function(name, inputs, outputs, lines):
    """A function of the domain, of lines in the text form of ONNX."""
    head = f'<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]>'
    body = "\n".join(lines)
    return parser.parse_function(f"{head} {name}<heads>({', '.join(inputs)}) => ({', '.join(outputs)}) {{ {body} }}")
