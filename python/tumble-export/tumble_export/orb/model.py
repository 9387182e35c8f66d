"""Orb on the tensors of the model contract, made from a loaded model of `orb-models`.

An edge of the contract goes from Orb's sender (the center) to its receiver (the neighbor). Orb keeps the nearest
neighbors of each sender only, so it may keep an edge and drop the reversed one: both have weights of their own. Edges
that neither end keeps are pruned.
"""

from types import SimpleNamespace

import torch
from torch import nn

from ..exchanges import neighbor_rows, structure_sum
from ..functions import Reverse
from ..layers import Dense, matrices
from ..pruning import PruneEdges, either_way, narrowed, nearest
from .layers import Normed, angular, envelope, radial, readout
from .zbl import Zbl

ELEMENTS = 118  # atomic numbers below can be embedded
NOTHING = -1e30  # before an exponential


class Interaction(nn.Module):
    """A layer: messages of edges from their features and both atoms, summed over sent and over received edges.

    The first linear map of the messages acts on three parts side by side, so it is split: two parts act on atoms
    instead of edges.
    """

    def __init__(self, layer, condition):
        super().__init__()
        weight, bias = matrices(next(m for m in layer._edge_mlp.mlp if isinstance(m, nn.Linear)))
        edge, own, other = weight.split(layer.latent_dim, dim=0)
        self.from_edge, self.from_own = Dense(edge, bias), Dense(own, 0 * bias)
        self.from_other = Dense(other, 0 * bias)
        self.message, self.update = Normed(layer._edge_mlp, rest=True), Normed(layer._node_mlp)
        self.send, self.receive = Dense(*matrices(layer._send_attn)), Dense(*matrices(layer._receive_attn))
        self.softmax = layer._attention_gate == "softmax"
        shift = None if condition is None else layer._cond_node_proj(condition).detach()
        self.register_buffer("condition", shift)

    def forward(self, nodes, edges, sent, received, layout):
        """nodes [C, d], edges [C·K, d], weights [C, K] of the edges sent and received; layout as in `neighbor_rows`."""
        if self.condition is not None:
            nodes = nodes + self.condition
        messages = self.message(self.join(nodes, edges, layout))
        back = layout[2].reshape(-1)
        incoming = Reverse.apply(messages, back)
        gate = self.gate(self.send(edges), sent)
        incoming_gate = self.gate(Reverse.apply(self.receive(edges), back), received)
        parts = [nodes, total(incoming, incoming_gate), total(messages, gate)]
        return nodes + self.update(torch.cat(parts, dim=1)), edges + messages

    def join(self, nodes, edges, layout):
        """The first linear map of the messages [C·K, h]."""
        hidden = self.from_edge(edges) + neighbor_rows(self.from_other(nodes), *layout)
        hidden = hidden.view(*layout[1].shape, -1) + self.from_own(nodes).unsqueeze(1)
        return hidden.view(-1, hidden.shape[2])

    def gate(self, values, weights):
        """values [C·K, 1], weights [C, K] -> the share of each message in the sum [C, K]."""
        values = values.view(weights.shape)
        if not self.softmax:
            return torch.sigmoid(values) * weights
        values = torch.where(weights != 0.0, values, torch.full_like(values, NOTHING))
        powers = torch.exp(values - values.amax(1, keepdim=True).detach()) * weights
        norm = powers.sum(1, keepdim=True)
        return powers / torch.where(norm == 0.0, torch.ones_like(norm), norm) * weights


def total(messages, gate):
    """Messages [C·K, d], shares [C, K] -> their sum at each center [C, d]."""
    return (gate.unsqueeze(1) @ messages.view(*gate.shape, -1)).squeeze(1)


class EnergyHead(nn.Module):
    """Orb's energy, a function of the mean (or sum) of all atoms' features; each atom gets an equal share.

    Reference energies are left out.
    """

    def __init__(self, head):
        super().__init__()
        self.mean = head.node_aggregation == "mean"
        self.mlp = readout(head)

    def forward(self, nodes, count, structure):
        """nodes [C, d], the number of atoms of the structure [C, 1], (weights, replica) -> energies [C, 1]."""
        pooled = structure_sum(nodes, *structure)
        return self.mlp(pooled / count) if self.mean else self.mlp(pooled) / count


class Orb(nn.Module):
    """Orb of orb-models, from tensors of the contract to a dict of its outputs, as in `adapter.py`."""

    def __init__(self, regressor, edges, forces=False, state=None):
        """`regressor` in double precision; `forces`: with direct forces; `state` [1, d]: embedded charge and spin."""
        super().__init__()
        gns = regressor.model
        self.cutoff, self.limit = edges.radius, edges.limit
        self.outer = gns.outer_product_with_cutoff
        self.radial, self.angular = radial(gns.rbf_transform), angular(gns.angular_transform)
        self.embed = Normed(gns._encoder._edge_fn)
        self.register_buffer("atoms", atom_table(gns))
        self.layers = nn.ModuleList([Interaction(layer, state) for layer in gns.gnn_stacks])
        self.smooth = bool(gns.gnn_stacks[0]._distance_cutoff)
        self.energy = EnergyHead(regressor.heads["energy"])
        self.forces = readout(regressor.heads["forces"]) if forces else None
        self.zbl = Zbl(regressor.pair_repulsion_fn, ELEMENTS) if regressor.pair_repulsion else None
        self.zbl_mean = regressor.pair_repulsion and regressor.pair_repulsion_fn.node_aggregation == "mean"
        self.register_buffer("radius", torch.tensor(self.cutoff, dtype=torch.float64))
        self.hops = len(self.layers) + 1  # reach of the features: atoms receive along their neighbors' edges

    def forward(self, edge_vectors, neighbors, mask, reverse, species, replica=None, weights=None):
        """Outputs for tensors of the contract; without `replica` all atoms belong to one structure."""
        vectors, r = self.lengths(edge_vectors, mask)
        chosen = nearest(r, mask, self.limit)
        return self.outputs(vectors, r, chosen, (neighbors, mask, reverse), species, (weights, replica))

    def lengths(self, vectors, mask):
        """Edge vectors [C, K, 3], as long as the cutoff in padding, and their lengths [C, K]."""
        far = torch.stack([self.radius, 0 * self.radius, 0 * self.radius])
        vectors = torch.where(mask.unsqueeze(2), vectors, far)
        return vectors, (vectors * vectors).sum(2).sqrt()

    def outputs(self, vectors, r, chosen, layout, species, structure):
        """Outputs from edges, those that their centers chose [C, K], their layout (neighbors, mask, reverse)."""
        own = species[: r.shape[0]]
        count = structure_sum(torch.ones_like(r[:, :1]), *structure)
        count = torch.where(count == 0.0, torch.ones_like(count), count)
        nodes = self.features(vectors, r, chosen, own, layout)
        found = {"atomic_energies": self.energy(nodes, count, structure)}
        if self.forces is not None:
            found["forces"] = self.forces(nodes)
        if self.zbl is not None:
            self.repel(found, vectors, r, chosen, layout[2], self.pairs(species, layout[0], own), count)
        found["atomic_energies"] = found["atomic_energies"].squeeze(1)
        return found

    def pairs(self, species, neighbors, own):
        """Atomic numbers of both ends of the edges, [C] and [C, K]."""
        return own, species.index_select(0, neighbors.reshape(-1)).view(neighbors.shape)

    def features(self, vectors, r, chosen, own, layout):
        """The features of each center after all layers [C, d]."""
        weights = envelope(r) if self.smooth else torch.ones_like(r)
        weights = torch.where(chosen, weights, torch.zeros_like(r))
        received = Reverse.apply(weights.reshape(-1, 1), layout[2].reshape(-1)).view(r.shape)
        nodes, edges = self.atoms.index_select(0, own), self.embed(self.edge_features(vectors, r))
        for layer in self.layers:
            nodes, edges = layer(nodes, edges, weights, received, layout)
        return nodes

    def edge_features(self, vectors, r):
        """Radial and angular functions of all slots [C·K, n]."""
        r = r.reshape(-1, 1)
        radial, angular = self.radial(r), self.angular(vectors.reshape(-1, 3) / r)
        if not self.outer:
            return torch.cat([radial, angular], dim=1)
        product = (radial * envelope(r)).unsqueeze(2) * angular.unsqueeze(1)
        return product.reshape(-1, radial.shape[1] * angular.shape[1])

    def repel(self, found, vectors, r, chosen, reverse, pairs, count):
        """Add ZBL: Orb's conservative models take its mean over the atoms of a structure, direct ones its sum."""
        energies, slopes = self.zbl(r, *pairs, chosen)
        energies = energies.sum(1, keepdim=True)
        found["atomic_energies"] = found["atomic_energies"] + (energies / count if self.zbl_mean else energies)
        if self.forces is not None:
            # Before Orb subtracts mean and torque. Both directions of an edge contribute, if they are kept.
            both = slopes + Reverse.apply(slopes.reshape(-1, 1), reverse.reshape(-1)).view(r.shape)
            found["forces"] = found["forces"] + ((both / r).unsqueeze(2) * vectors).sum(1)


class NearestOrb(Orb):
    """An Orb of a few neighbors: all but their choice is computed for the edges that either end chose."""

    def forward(
        self,
        edge_vectors,
        neighbors,
        mask,
        reverse,
        species,
        replica=None,
        weights=None,
        kept_neighbors=None,
        kept_mask=None,
        kept_reverse=None,
    ):
        """As in `Orb`; `kept_…` [C, L] are those of `narrowed`."""
        vectors, r = self.lengths(edge_vectors, mask)
        chosen, keep = self.choose(r, mask, reverse)
        layout = narrowed(keep, neighbors, reverse) if kept_mask is None else (kept_neighbors, kept_mask, kept_reverse)
        rows = torch.cat([vectors, chosen.unsqueeze(2).to(r.dtype)], dim=2)
        kept_vectors, mark = PruneEdges.apply(rows, keep, neighbors, reverse, layout[1]).split([3, 1], dim=2)
        edges = *self.lengths(kept_vectors, layout[1]), layout[1] & (mark.squeeze(2) > 0.5)
        return self.outputs(*edges, layout, species, (weights, replica))

    def choose(self, r, mask, reverse):
        """The edges [C, K] that their center chose, and those that either end chose, from lengths."""
        chosen = nearest(r, mask, self.limit)
        return chosen, either_way(chosen, reverse, r.dtype)

    @torch.no_grad()
    def narrowed(self, edge_vectors, neighbors, mask, reverse):
        """Neighbors, mask and reverse [C, L] of the kept edges."""
        _, r = self.lengths(edge_vectors, mask)
        return narrowed(self.choose(r, mask, reverse)[1], neighbors, reverse)


@torch.no_grad()
def atom_table(gns):
    """Features of an atom before the first layer by its atomic number [118, d]."""
    numbers = torch.arange(ELEMENTS)
    hot = torch.eye(ELEMENTS, dtype=torch.float64)
    names = dict(atomic_numbers=numbers, atomic_numbers_embedding=hot)
    return gns._encoder._node_fn(gns.featurize_nodes(SimpleNamespace(node_features=names)))
