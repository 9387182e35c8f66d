"""The layouts of the contract: the names of their tensors, and a model with its gradient on a list of edges."""

import numpy as np
import onnx
import torch

from . import edge_list

PADDED = ("edge_vectors", "neighbors", "mask", "reverse", "species", "weights", "replica")
LIST = ("edge_vectors", "centers", "neighbors", "reverse", "species", "weights")
AXES = {"ensemble_energies": 1}  # the axis of the atoms, if not the first


def names(inputs):
    """The names of a structure's tensors: edge vectors are [E, 3] in the layout list, [C, K, 3] in the other."""
    return LIST if inputs[0].ndim == 2 else PADDED


def contract(adapter, module, outputs):
    """A module with the outputs of the contract, in the layout of its adapter."""
    from .trace import Contract

    return ListContract(module, outputs, adapter.cutoff) if adapter.layout == "list" else Contract(module, outputs)


def touched(gradients, inputs):
    """Whether the edges of each center have a gradient [C]; `inputs` are those of either layout."""
    if gradients.ndim == 3:
        return gradients.any(2).any(1)
    found = torch.zeros(inputs[5].shape[0], dtype=torch.bool)
    found[inputs[1][gradients.any(1)]] = True
    return found


class ListContract(torch.nn.Module):
    """A module on a list of edges, with the gradient of its energies: it returns the requested outputs of the contract.

    The module gives values of all N atoms, and those of the C centers are kept. It sees one more edge, as long as the
    cutoff, from the last atom to itself, which counts in no sum: so there is one in a structure without edges too.
    """

    names = LIST
    further = ("table",)

    def __init__(self, model, outputs, cutoff):
        super().__init__()
        self.model, self.outputs, self.cutoff = model, outputs, cutoff

    def forward(self, edge_vectors, centers, neighbors, reverse, species, weights, table=None):
        """`table` [N, K]: the edges of each center (`edge_list.table`), if known."""
        gradients, (edges, count) = "edge_gradients" in self.outputs, (centers.shape[0], species.shape[0])
        table = edge_list.table(centers, count, edges + 1) if table is None else table
        inputs = [*self.extended(edge_vectors.detach(), centers, neighbors, reverse, count), species]
        inputs[0].requires_grad_(gradients)
        with edge_list.known(inputs[1], table):
            found = self.model(*inputs)
            found = {"atomic_energies": found} if isinstance(found, torch.Tensor) else dict(found)
            if gradients:
                total = (found["atomic_energies"] * widened(weights, count)).sum()
                (slopes,) = torch.autograd.grad(total, inputs[0])
        kept = {name: values.narrow(AXES.get(name, 0), 0, weights.shape[0]) for name, values in found.items()}
        kept |= {"edge_gradients": slopes.narrow(0, 0, edges)} if gradients else {}
        return tuple(kept[name].detach() for name in self.outputs)

    def extended(self, edge_vectors, centers, neighbors, reverse, count):
        """The edges and one more."""
        far = edge_vectors.new_tensor([[self.cutoff, 0.0, 0.0]])
        last = centers.new_full((1,), count - 1)
        own = centers.new_full((1,), centers.shape[0])
        pairs = (edge_vectors, far), (centers, last), (neighbors, last), (reverse, own)
        return [torch.cat(pair) for pair in pairs]


def widened(weights, count):
    """Weights of centers [C] -> of all atoms [count], 0 for those that are no centers."""
    atoms = torch.arange(count, device=weights.device)
    inside = atoms < weights.shape[0]
    return weights.index_select(0, torch.where(inside, atoms, 0)) * inside.to(weights.dtype)


def find_table(graph):
    """Compute the input `table` in the graph, as `edge_list.table`, with one edge more than there are.

    The atoms are sorted in between the edges: the number of edges before each is where its own edges start.
    """
    graph.input.remove(next(i for i in graph.input if i.name == "table"))
    for name, value in CONSTANTS.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, dtype=np.int64), f"table_{name}"))
    body = onnx.parser.parse_graph(f"t (int64[E] centers, int64[N] species) => (int64[N, K] table) {{ {TABLE} }}")
    graph.node.extend(body.node)


CONSTANTS = dict(zero=0, one=1, two=2, zeros=[0], ones=[1], infinity=[np.iinfo(np.int64).max])
TABLE = """
    table_edges = Shape(centers)
    table_count = Shape(species)
    table_scalar = Squeeze(table_count)
    table_atoms = Range(table_zero, table_scalar, table_one)
    table_atom_keys = Mul(table_atoms, table_two)
    table_double = Mul(centers, table_two)
    table_edge_keys = Add(table_double, table_one)
    table_keys = Concat<axis = 0>(table_edge_keys, table_atom_keys)
    table_size = Add(table_edges, table_count)
    table_sorted, table_order = TopK<largest = 0>(table_keys, table_size)
    table_odd = Mod(table_sorted, table_two)
    table_even = Equal(table_odd, table_zero)
    table_found = NonZero(table_even)
    table_places = Squeeze(table_found, table_zeros)
    table_starts = Sub(table_places, table_atoms)
    table_later = Slice(table_starts, table_ones, table_infinity)
    table_ends = Concat<axis = 0>(table_later, table_edges)
    table_degree = Sub(table_ends, table_starts)
    table_most = ReduceMax<keepdims = 0>(table_degree)
    table_width = Max(table_most, table_one)
    table_slots = Range(table_zero, table_width, table_one)
    table_column = Unsqueeze(table_starts, table_ones)
    table_numbers = Add(table_column, table_slots)
    table_limits = Unsqueeze(table_degree, table_ones)
    table_filled = Less(table_slots, table_limits)
    table_padding = Add(table_edges, table_ones)
    table = Where(table_filled, table_numbers, table_padding)
"""
