"""The layouts of the contract: the names of their tensors, and a model with its gradient on a list of edges."""

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
        edges, count = centers.shape[0], species.shape[0]
        table = edge_list.table(centers, count, edges + 1) if table is None else table
        inputs = [*self.extended(edge_vectors.detach(), centers, neighbors, reverse, count), species]
        with edge_list.known(inputs[1], table):
            found, slopes = self.evaluated(inputs, widened(weights, count))
        kept = {name: values.narrow(AXES.get(name, 0), 0, weights.shape[0]) for name, values in found.items()}
        kept |= {} if slopes is None else {"edge_gradients": slopes.narrow(0, 0, edges)}
        return tuple(kept[name].detach() for name in self.outputs)

    def evaluated(self, inputs, weights):
        """The module's outputs by name, and the gradient with respect to the edges, None if it is not wanted."""
        gradients = "edge_gradients" in self.outputs
        inputs[0].requires_grad_(gradients)
        found = self.model(*inputs)
        found = {"atomic_energies": found} if isinstance(found, torch.Tensor) else dict(found)
        total = (found["atomic_energies"] * weights).sum()
        return found, torch.autograd.grad(total, inputs[0])[0] if gradients else None

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
