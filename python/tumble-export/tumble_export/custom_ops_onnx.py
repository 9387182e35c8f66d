"""The operators of `custom_ops.py` as nodes of an ONNX graph, and their definitions as functions of standard operators.

Lines are in the text form of ONNX: results = operator<attributes>(inputs).
"""

from onnx import defs, parser
from onnxscript.values import Op, Opset

from . import custom_ops, exchanges_onnx

OPSET = 20  # of the standard operators
DOMAIN, VERSION = "tumble", 1
PLACED = ["rows", "bias", "source", "target", "filled"]
# name of a node: (operator, inputs, attributes, results)
STEPS = {
    "Attention": (custom_ops.attention, PLACED, ["heads"], ["attended"]),
    "AttentionGradient": (
        custom_ops.attention_gradient,
        [*PLACED, "gradient"],
        ["heads"],
        ["rows_gradient", "bias_gradient"],
    ),
    "Silu": (custom_ops.silu, ["rows"], [], ["y"]),
    "SiluGradient": (custom_ops.silu_gradient, ["rows", "gradient"], [], ["rows_gradient"]),
    "Glu": (custom_ops.glu, ["rows"], [], ["y"]),
    "GluGradient": (custom_ops.glu_gradient, ["rows", "gradient"], [], ["rows_gradient"]),
    "RmsNorm": (custom_ops.rms_norm, ["rows"], ["epsilon"], ["y"]),
    "RmsNormGradient": (custom_ops.rms_norm_gradient, ["rows", "gradient"], ["epsilon"], ["rows_gradient"]),
    "LayerNorm": (custom_ops.layer_norm, ["rows"], ["epsilon"], ["y"]),
    "LayerNormGradient": (custom_ops.layer_norm_gradient, ["rows", "gradient"], ["epsilon"], ["rows_gradient"]),
    "AdaptiveCutoff": (
        custom_ops.adaptive_cutoff,
        ["distances", "mask", "count", "cutoff", "width"],
        [],
        ["root", "rise"],
    ),
    "ReverseEdges": (custom_ops.reverse_edges, ["rows", "order"], [], ["reversed"]),
    "PruneEdges": (
        custom_ops.prune_edges,
        ["rows", "keep", "neighbors", "reverse"],
        [],
        ["kept", "kept_neighbors", "kept_mask", "kept_reverse"],
    ),
    "RestoreEdges": (custom_ops.restore_edges, ["rows", "keep", "reverse"], [], ["restored"]),
    "NeighborRows": (custom_ops.neighbor_rows, ["rows", "neighbors", "centers"], [], ["found"]),
    "SumOverStructure": (custom_ops.sum_over_structure, ["rows", "replica"], [], ["summed"]),
}
KINDS = dict(source="I", target="I", filled="B", order="I", keep="B", mask="B", neighbors="I", reverse="I")
KINDS |= dict(kept_neighbors="I", kept_mask="B", kept_reverse="I", centers="I", replica="I")
SECOND = {"PruneEdges", "RestoreEdges", "NeighborRows", "SumOverStructure"}  # since version 2 of the contract
TYPES = [("R", ["tensor(float)", "tensor(double)"], ""), ("I", ["tensor(int64)"], ""), ("B", ["tensor(bool)"], "")]
ATTRIBUTES = dict(heads=defs.OpSchema.AttrType.INT, epsilon=defs.OpSchema.AttrType.FLOAT)


def table():
    """The node for each operator, for `torch.onnx.export`."""
    return {step: node(name, *rest) for name, (step, *rest) in STEPS.items()}


def node(name, inputs, attributes, results):
    """A function that writes a node into a graph, given the arguments of its operator."""
    schema = defs.OpSchema(
        name,
        DOMAIN,
        VERSION,
        inputs=[defs.OpSchema.FormalParameter(name, KINDS.get(name, "R")) for name in inputs],
        outputs=[defs.OpSchema.FormalParameter(name, KINDS.get(name, "R")) for name in results],
        type_constraints=[entry for entry in TYPES if entry[0] in {KINDS.get(name, "R") for name in inputs + results}],
        attributes=[defs.OpSchema.Attribute(name, ATTRIBUTES[name]) for name in attributes],
    )
    write = Op(Opset(DOMAIN, VERSION), name, schema)
    count = len(inputs)

    def written(*given):
        made = write(*given[:count], **dict(zip(attributes, given[count:])))
        # Of PruneEdges torch knows the rows only; `trace.py` connects the rest.
        return made[0] if name == "PruneEdges" else made

    return written


def names_in(model):
    """Names of our nodes in a model."""
    return {node.op_type for node in model.graph.node if node.domain == DOMAIN}


def contract_version(model):
    """The version of the contract that has all nodes of a model."""
    return 2 if names_in(model) & SECOND else 1


def define(model):
    """Append the functions of the fused nodes in a model."""
    nodes = [node for node in model.graph.node if node.domain == DOMAIN]
    heads = {entry.i for node in nodes for entry in node.attribute if entry.name == "heads"}
    if len(heads) > 1:
        raise SystemExit(f"its layers have {sorted(heads)} heads: all must have the same number.")
    model.functions.extend(function(name, *heads) for name in sorted(names_in(model)))


def function(name, heads=0):
    """The function that defines a node; all nodes have the same `heads`."""
    _, inputs, attributes, results = STEPS[name]
    lines = "\n".join(BODIES[name](heads))
    given = f"<{', '.join(attributes)}>" if attributes else ""
    head = f'<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]> {name}{given}({", ".join(inputs)})'
    return parser.parse_function(f"{head} => ({', '.join(results)}) {{ {lines} }}")


def silu(_):
    """x · sigmoid(x)."""
    return "s = Sigmoid(rows)", "y = Mul(rows, s)"


def silu_gradient(_):
    """s + y - y · s."""
    found = "ys = Mul(y, s)", "rest = Sub(y, ys)", "slope = Add(s, rest)", "rows_gradient = Mul(gradient, slope)"
    return *silu(_), *found


def glu(_):
    """Values · sigmoid(gates)."""
    return "values, gates = Split<axis = 1, num_outputs = 2>(rows)", "s = Sigmoid(gates)", "y = Mul(values, s)"


def glu_gradient(_):
    """s for values, y (1 - s) for gates."""
    return (
        *glu(_),
        "of_values = Mul(gradient, s)",
        "ys = Mul(y, s)",
        "slope = Sub(y, ys)",
        "of_gates = Mul(gradient, slope)",
        "rows_gradient = Concat<axis = 1>(of_values, of_gates)",
    )


def rms_norm(_, rows="rows"):
    """Rows divided by their root mean square."""
    return (
        "last = Constant<value_ints = [-1]>()",
        "given = Constant<value_float: float = @epsilon>()",
        "least = CastLike(given, rows)",
        f"squares = Mul({rows}, {rows})",
        "mean = ReduceMean<keepdims = 1>(squares, last)",
        "sum = Add(mean, least)",
        "root = Sqrt(sum)",
        "inverse = Reciprocal(root)",
        f"y = Mul({rows}, inverse)",
    )


def rms_norm_gradient(_, gradient="gradient"):
    """(g - y · mean of y · g) / root mean square."""
    return *rms_norm(_), *across(gradient)


def across(gradient):
    """The gradient through a division by the root mean square."""
    return (
        "product = Mul(gradient, y)",
        "along = ReduceMean<keepdims = 1>(product, last)",
        "share = Mul(y, along)",
        f"rest = Sub({gradient}, share)",
        "rows_gradient = Mul(rest, inverse)",
    )


def layer_norm(_):
    """Rows minus their mean, divided by their standard deviation."""
    return (
        "axis = Constant<value_ints = [-1]>()",
        "middle = ReduceMean<keepdims = 1>(rows, axis)",
        "centered = Sub(rows, middle)",
        *rms_norm(_, "centered"),
    )


def layer_norm_gradient(_):
    """(g - mean of g - y · mean of y · g) / standard deviation."""
    level = "level = ReduceMean<keepdims = 1>(gradient, axis)", "leveled = Sub(gradient, level)"
    return *layer_norm(_), *level, *across("leveled")


def names(prefix, count):
    """Names of the heads' tensors."""
    return [f"{prefix}{head}" for head in range(count)]


def attended(heads):
    """Rows in their places, and the attention weights of each head."""
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


def attention(heads):
    """Values averaged with these weights, collected from their places."""
    return (
        *attended(heads),
        *(f"o{h} = MatMul(p{h}, v{h})" for h in range(heads)),
        f"all = Concat<axis = 2>({', '.join(names('o', heads))})",
        "list = Reshape(all, flat)",
        "attended = Gather(list, target)",
    )


def attention_gradient(heads):
    """Gradients of each head; places without a token are masked."""
    found = ", ".join(name for kind in ("dq", "dk", "dv") for name in names(kind, heads))
    return (
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
        f"all = Concat<axis = 2>({found})",
        "list = Reshape(all, flat)",
        "rows_gradient = Gather(list, target)",
    )


def head_gradient(h):
    """Gradients through the sum of values, the softmax, and the products of queries and keys."""
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


NEWTON_STEPS = 10  # as in metatrain


def adaptive_cutoff(_):
    """Newton steps, kept in a bracket, for the root of Σ_k f(r_k; c) + count · (c / cutoff)³ = count in c."""
    return (
        "pi_double = Constant<value = double {3.141592653589793}>()",
        "pi = CastLike(pi_double, distances)",
        "edge_double = Constant<value = double {1e-6}>()",
        "edge = CastLike(edge_double, distances)",
        "one_double = Constant<value = double {1.0}>()",
        "unit = CastLike(one_double, distances)",
        "half_double = Constant<value = double {0.5}>()",
        "half = CastLike(half_double, distances)",
        "three_double = Constant<value = double {3.0}>()",
        "three = CastLike(three_double, distances)",
        "nothing = Sub(unit, unit)",
        "far_edge = Sub(unit, edge)",
        "column = Constant<value_ints = [1]>()",
        "there = CastLike(mask, distances)",
        "half_pi = Mul(half, pi)",
        "steepness = Div(half_pi, width)",
        "triple = Mul(three, count)",
        "none = ReduceSum<keepdims = 0>(there, column)",
        "low0 = Mul(none, nothing)",
        "high0 = Add(low0, cutoff)",
        "root0 = Mul(half, high0)",
        *(line for step in range(NEWTON_STEPS) for line in newton_step(step)),
        *excess_and_rise(NEWTON_STEPS),
        f"root = Identity(root{NEWTON_STEPS})",
        f"rise = Identity(rise{NEWTON_STEPS})",
    )


def excess_and_rise(i):
    """The number of neighbors within root{i} minus its target, and its derivative, which is kept positive."""
    return (
        f"root_column{i} = Unsqueeze(root{i}, column)",
        f"start{i} = Sub(root_column{i}, width)",
        f"above{i} = Sub(distances, start{i})",
        f"x{i} = Div(above{i}, width)",
        f"clipped{i} = Clip(x{i}, edge, far_edge)",
        f"y{i} = Mul(pi, clipped{i})",
        f"sine{i} = Sin(y{i})",
        f"cosine{i} = Cos(y{i})",
        f"ratio{i} = Div(cosine{i}, sine{i})",
        f"height{i} = Tanh(ratio{i})",
        f"raised{i} = Add(unit, height{i})",
        f"bump{i} = Mul(half, raised{i})",
        f"after{i} = Greater(x{i}, nothing)",
        f"before{i} = Less(x{i}, unit)",
        f"inside{i} = And(after{i}, before{i})",
        f"near{i} = LessOrEqual(x{i}, nothing)",
        f"outside{i} = CastLike(near{i}, distances)",
        f"value{i} = Where(inside{i}, bump{i}, outside{i})",
        f"counted{i} = Mul(value{i}, there)",
        f"number{i} = ReduceSum<keepdims = 0>(counted{i}, column)",
        f"squared{i} = Mul(height{i}, height{i})",
        f"rest{i} = Sub(unit, squared{i})",
        f"sines{i} = Mul(sine{i}, sine{i})",
        f"quotient{i} = Div(rest{i}, sines{i})",
        f"slope{i} = Mul(steepness, quotient{i})",
        f"sloped{i} = Where(inside{i}, slope{i}, nothing)",
        f"slopes{i} = Mul(sloped{i}, there)",
        f"slope_sum{i} = ReduceSum<keepdims = 0>(slopes{i}, column)",
        f"share{i} = Div(root{i}, cutoff)",
        f"share_squared{i} = Mul(share{i}, share{i})",
        f"share_cubed{i} = Mul(share_squared{i}, share{i})",
        f"baseline{i} = Mul(count, share_cubed{i})",
        f"found{i} = Add(number{i}, baseline{i})",
        f"excess{i} = Sub(found{i}, count)",
        f"tripled{i} = Mul(triple, share_squared{i})",
        f"baseline_slope{i} = Div(tripled{i}, cutoff)",
        f"total{i} = Add(slope_sum{i}, baseline_slope{i})",
        f"rise{i} = Max(total{i}, edge)",
    )


def newton_step(i):
    """A Newton step from root{i}, or the middle of the bracket if it leads out of it."""
    return (
        *excess_and_rise(i),
        f"below{i} = LessOrEqual(excess{i}, nothing)",
        f"low{i + 1} = Where(below{i}, root{i}, low{i})",
        f"high{i + 1} = Where(below{i}, high{i}, root{i})",
        f"move{i} = Div(excess{i}, rise{i})",
        f"step{i} = Sub(root{i}, move{i})",
        f"enough{i} = GreaterOrEqual(step{i}, low{i + 1})",
        f"not_too_far{i} = LessOrEqual(step{i}, high{i + 1})",
        f"within{i} = And(enough{i}, not_too_far{i})",
        f"ends{i} = Add(low{i + 1}, high{i + 1})",
        f"middle{i} = Mul(half, ends{i})",
        f"root{i + 1} = Where(within{i}, step{i}, middle{i})",
    )


BODIES = {
    "Attention": attention,
    "AttentionGradient": attention_gradient,
    "Silu": silu,
    "SiluGradient": silu_gradient,
    "Glu": glu,
    "GluGradient": glu_gradient,
    "RmsNorm": rms_norm,
    "RmsNormGradient": rms_norm_gradient,
    "LayerNorm": layer_norm,
    "LayerNormGradient": layer_norm_gradient,
    "AdaptiveCutoff": adaptive_cutoff,
    **exchanges_onnx.BODIES,
}
