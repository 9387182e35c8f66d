"""Traces a model with its gradient to one ONNX graph, dynamic in centers C, slots K and atoms N."""

import contextlib
import copy
import inspect
import logging
import warnings

import numpy as np
import onnx
import torch
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from . import (
    conditions,
    custom_ops,
    custom_ops_onnx,
    edge_list,
    edge_list_onnx,
    exact,
    layouts,
    lines,
    refusals,
    storage,
)
from .packing import CHOSEN, slots_of

INPUTS = layouts.PADDED
KEPT = ("kept_neighbors", "kept_mask", "kept_reverse")  # of the edges that a module keeps (`pruning.narrowed`)
FURTHER = ("replica", *conditions.NAMES, *KEPT, "slots")  # optional arguments of a module
OUTPUTS = ("atomic_energies", "edge_gradients")
aten = torch.ops.aten
# operators without ONNX form, or with one for single precision only: written out in simpler ones
WRITTEN_OUT = get_decompositions(
    [aten.silu_backward, aten.mish_backward, aten.native_layer_norm, aten.native_layer_norm_backward]
)


class Contract(torch.nn.Module):
    """A module as in `adapter.py`, with the gradient of its energies: it returns the requested outputs of the contract.

    `edge_gradients` [C, K, 3] are d(Σ weights · energies)/d(edge vectors). For the layout list see `layouts`.
    """

    names = INPUTS

    def __init__(self, model, outputs=OUTPUTS):
        super().__init__()
        self.model, self.outputs = model, outputs
        self.conditions = conditions.of(model)
        unused = set(conditions.NAMES) - set(self.conditions)
        self.further = [name for name in FURTHER if name in parameters(model) and name not in unused]
        self.weighted = "weights" in parameters(model)

    def forward(self, edge_vectors, neighbors, mask, reverse, species, weights, *further):
        """`further`: values of the module's optional arguments, if given; conditions are neutral if they are not."""
        gradients = "edge_gradients" in self.outputs
        edge_vectors = edge_vectors.detach().requires_grad_(gradients)
        given = dict(zip(self.further, further)) | ({"weights": weights} if self.weighted else {})
        given = conditions.tensors([name for name in self.conditions if name not in given], weights) | given
        found = self.model(edge_vectors, neighbors, mask, reverse, species, **given)
        found = {"atomic_energies": found} if isinstance(found, torch.Tensor) else dict(found)
        if gradients:
            total = (found["atomic_energies"] * weights).sum()
            (found["edge_gradients"],) = torch.autograd.grad(total, edge_vectors)
        names = (*self.outputs, CHOSEN) if CHOSEN in found else self.outputs
        return tuple(found[name].detach() for name in names)


def parameters(module):
    """Names of the arguments of a module."""
    return inspect.signature(module.forward).parameters


def prunes(module):
    """Whether a module prunes edges: it has a method `narrowed`, and takes its results as arguments."""
    return "kept_mask" in parameters(module)


class WithGradient(Contract):
    """Energies and gradients of a compact PET in single precision, or of its widened weights in double."""

    def __init__(self, model, dtype):
        super().__init__(Cast(model) if dtype == torch.float64 else model)


class Cast(torch.nn.Module):
    """The same weights, kept in single precision (so the file stays small), in double-precision arithmetic."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        tensors = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        wide = {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}
        return torch.func.functional_call(self.model, wide, inputs)


def export(module, example):
    """Trace a `Contract` on `example`, the six inputs (C < N, C·K, N all different), to an ONNX model without metadata.

    The seventh, `replica`, is for models with terms of the whole structure.
    """
    example, names = with_sizes(module, example)
    recorder = lines.Recorder()
    made = refusing(refusals.of_trace, recorder, lambda: traced(module, example, recorder))
    outputs = [*module.outputs, *([CHOSEN] if hasattr(module.model, CHOSEN) else [])]
    made = refusing(refusals.of_translation, recorder, lambda: translated(made, example, names, outputs))
    complete(made.graph, names)
    custom_ops_onnx.define(made)
    return made


def refusing(sentence, recorder, step):
    """The result of a step; an error in it becomes a sentence with the line of the user's file."""
    try:
        return step()
    except Exception as error:
        raise SystemExit(sentence(error, recorder)) from error


def traced(module, example, recorder):
    """The graph of a `Contract` with its gradient."""

    def recorded(*inputs):
        return recorder.run(module, inputs)

    with custom_ops.traced(), lines.kept(), sdpa_kernel(SDPBackend.MATH):
        graph = make_fx(recorded, WRITTEN_OUT, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*example)
    return without_detach(graph)


def translated(graph, example, names, outputs):
    """A graph in ONNX."""
    with quiet(), exact.numbers(example[0].dtype):
        # captured here, since torch.onnx specializes sizes of 1 and fails on some broadcasts
        shapes = dynamic_shapes(names)
        captured = torch.export.export(graph.eval(), tuple(example), dynamic_shapes=shapes, strict=False)
        program = torch.onnx.export(
            captured,
            dynamo=True,
            opset_version=custom_ops_onnx.OPSET,
            input_names=names,
            output_names=list(outputs),
            custom_translation_table=custom_ops_onnx.table() | exact.TABLE,
            verbose=False,
        )
    return program.model_proto


def complete(graph, names):
    """Compute in the graph the inputs that were there while tracing only, and sort its nodes."""
    if "kept_mask" in names:
        connect_kept(graph)
    if "slots" in names:
        find_slots(graph, mask_of_slots(graph, names))
    if "table" in names:
        edge_list_onnx.find_table(graph)
    sort(graph)


def mask_of_slots(graph, names):
    """The name of the mask whose edges are rows: the module's own, which is no output of the file, or that of all."""
    chosen = [output for output in graph.output if output.name == CHOSEN]
    if not chosen:
        return "kept_mask" if "kept_mask" in names else "mask"
    graph.output.remove(chosen[0])
    return CHOSEN


def with_sizes(module, example):
    """The example and its names, with the inputs that are there while tracing only.

    Their sizes depend on values, which tracing does not know; the finished graph computes them.
    """
    if "table" in module.further:
        edges = example[1].shape[0]
        return (*example, edge_list.table(example[1], example[4].shape[0], edges + 1)), [*module.names, "table"]
    mask, further = example[2], conditions.tensors(module.conditions, example[5], conditions.TRIED[2])
    if prunes(module.model):
        further |= dict(zip(KEPT, module.model.narrowed(*example[:4])))
        mask = further["kept_mask"]
    if hasattr(module.model, CHOSEN):
        mask = getattr(module.model, CHOSEN)(*example[:4])
    if "slots" in module.further:
        further["slots"] = slots_of(mask)
    return (*example, *further.values()), [*module.names[: len(example)], *further]


def dynamic_shapes(names):
    """The free sizes of inputs."""
    c, k, n, e, kept = (torch.export.Dim(name, min=1) for name in "CKNEL")
    if "table" in names:
        edges = dict.fromkeys(("edge_vectors", "centers", "neighbors", "reverse"), {0: e})
        shapes = edges | dict(species={0: n}, weights={0: c}, table={0: n, 1: k})
        return tuple(shapes[name] for name in names)
    slots, atoms = {0: c, 1: k}, {0: n}
    shapes = dict(species=atoms, replica=atoms, slots={0: e}) | dict.fromkeys(KEPT, {0: c, 1: kept})
    shapes |= dict.fromkeys(("weights", *conditions.NAMES), {0: c})
    return tuple(shapes.get(name, slots) for name in names)


def connect_kept(graph):
    """Replace the inputs of `KEPT` by the results of the node that keeps the edges."""
    nodes = [node for node in graph.node if node.op_type == "PruneEdges"]
    if len(nodes) != 1:
        raise SystemExit(f"the model prunes its edges {len(nodes)} times: do it once, before the messages.")
    for at, name in enumerate(KEPT, 1):
        nodes[0].output[at] = name
        graph.input.remove(next(i for i in graph.input if i.name == name))


def sort(graph):
    """Sort the nodes so that each comes after those whose results it needs; otherwise in their order."""
    made = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    nodes, order, seen = list(graph.node), [], set()
    for start in range(len(nodes)):
        stack = [start]
        while stack:
            index = stack[-1]
            missing = [made[name] for name in nodes[index].input if name in made and made[name] not in seen]
            if missing and index not in seen:
                stack.extend(missing)
                continue
            stack.pop()
            if index not in seen:
                seen.add(index)
                order.append(nodes[index])
    copies = [copy.deepcopy(node) for node in order]
    del graph.node[:]
    graph.node.extend(copies)


def find_slots(graph, mask):
    """Compute the input `slots` in the graph, as `packing.slots_of`: the slots with an edge, and the first."""
    given = next(i for i in graph.input if i.name == "slots")
    graph.input.remove(given)
    node, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    for name, value in (("all", [-1]), ("zero", [0]), ("one", [1]), ("infinity", [np.iinfo(np.int64).max])):
        graph.initializer.append(tensor(np.array(value, dtype=np.int64), f"slots_{name}"))
    graph.initializer.append(tensor(np.array([True]), "slots_true"))
    made = [
        node("Reshape", [mask, "slots_all"], ["slots_flat"]),
        node("Slice", ["slots_flat", "slots_one", "slots_infinity", "slots_zero"], ["slots_rest"]),
        node("Concat", ["slots_true", "slots_rest"], ["slots_filled"], axis=0),
        node("NonZero", ["slots_filled"], ["slots_found"]),
        node("Squeeze", ["slots_found", "slots_zero"], ["slots"]),
    ]
    graph.node.extend(made)


@contextlib.contextmanager
def quiet():
    """Hide the exporter's notes on axis names and on unneeded packages."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def without_detach(graph):
    """Drop `detach` nodes: they do nothing in a graph that is not differentiated again."""
    for node in list(graph.graph.nodes):
        if node.target == torch.ops.aten.detach.default:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def operators(graph):
    """Names of all operators of an ONNX graph, subgraphs included."""
    return (node.op_type for node in nodes(graph))


def nodes(graph):
    """All nodes of an ONNX graph, subgraphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from nodes(inner)


def strip(graph):
    """Remove the exporter's notes (stack traces with local paths) from a graph and its subgraphs."""
    for item in [*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                strip(inner)


def write(exported, path):
    """Check and save a model, with its own metadata only."""
    strip(exported.graph)
    narrow(exported)
    storage.save(exported, path)
    onnx.checker.check_model(path, full_check=True)


def narrow(exported):
    """Store weights of a double-precision graph in single precision, followed by a Cast, if that loses nothing."""
    graph = exported.graph
    for tensor in [t for t in graph.initializer if not storage.is_elsewhere(t)]:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float64 or values.size < 16 or (values.astype(np.float32) != values).any():
            continue
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float32), name + "_single"))
        graph.node.insert(0, onnx.helper.make_node("Cast", [name + "_single"], [name], to=onnx.TensorProto.DOUBLE))
