"""A model with its gradient -> one ONNX graph, dynamic in centers C, slots K and atoms N."""

import numpy as np
import onnx
import torch
from torch.fx.experimental.proxy_tensor import make_fx

INPUTS = ("edge_vectors", "neighbors", "mask", "reverse", "species", "weights")
OUTPUTS = ("atomic_energies", "edge_gradients")


class WithGradient(torch.nn.Module):
    """The contract's outputs: energies [C] in eV and d(Σ weights · energies)/d(edge vectors) [C, K, 3] in eV/Å."""

    def __init__(self, model, dtype):
        super().__init__()
        self.model = Cast(model) if dtype == torch.float64 else model

    def forward(self, edge_vectors, neighbors, mask, reverse, species, weights):
        edge_vectors = edge_vectors.detach().requires_grad_()
        energies = self.model(edge_vectors, neighbors, mask, reverse, species)
        (gradients,) = torch.autograd.grad((energies * weights).sum(), edge_vectors)
        return energies.detach(), gradients


class Cast(torch.nn.Module):
    """The same weights, kept in single precision (so the file stays small), in double-precision arithmetic."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        tensors = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        wide = {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}
        return torch.func.functional_call(self.model, wide, inputs)


def export(model, example, path, dtype):
    """Trace on `example`, the six inputs (C < N, C·K, N all different), and write an ONNX file without metadata."""
    module = WithGradient(model, dtype)
    graph = make_fx(module, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*example)
    graph = without_detach(graph)
    c, k, n = (torch.export.Dim(name, min=1) for name in "CKN")
    shapes = ({0: c, 1: k}, {0: c, 1: k}, {0: c, 1: k}, {0: c, 1: k}, {0: n}, {0: c})
    program = torch.onnx.export(
        graph,
        tuple(example),
        dynamo=True,
        opset_version=20,
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=shapes,
        verbose=False,
    )
    program.save(path, external_data=False)
    return onnx.load(path)


def without_detach(graph):
    """Drop `detach` nodes: they do nothing in a graph that nobody differentiates again."""
    for node in list(graph.graph.nodes):
        if node.target == torch.ops.aten.detach.default:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def operators(graph):
    """Names of all operators of an ONNX graph, subgraphs included."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from operators(inner)


def strip(graph):
    """Remove the exporter's notes (stack traces with paths of this machine) from a graph and its subgraphs."""
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
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, path)


def narrow(exported):
    """Store weights of a double-precision graph in single precision, followed by a Cast, where that loses nothing."""
    graph = exported.graph
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float64 or values.size < 16 or (values.astype(np.float32) != values).any():
            continue
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float32), name + "_single"))
        graph.node.insert(0, onnx.helper.make_node("Cast", [name + "_single"], [name], to=onnx.TensorProto.DOUBLE))
