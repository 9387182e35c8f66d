"""Orb on the tensors of the model contract, made from a loaded model of `orb-models`.

An edge of the contract goes from Orb's sender (the center) to its receiver (the neighbor). Orb keeps the nearest
neighbors of each sender only, so it may keep an edge and drop the reversed one: both have weights of their own.
Messages are rows [E, d] of the edges that their sender keeps. Their sums at both ends need slots [C, K] of the edges
that either end keeps; other edges are pruned.
"""

from types import SimpleNamespace

import torch
from torch import nn

from ..conditions import Table
from ..exchanges import ends, slot_sum, structure_sum
from ..functions import Reverse
from ..layers import Dense, matrices
from ..packing import CHOSEN, Packing, slots_of
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

    def __init__(self, layer, condition, tables):
        super().__init__()
        weight, bias = matrices(next(m for m in layer._edge_mlp.mlp if isinstance(m, nn.Linear)))
        edge, own, other = weight.split(layer.latent_dim, dim=0)
        self.from_edge, self.from_own = Dense(edge, bias), Dense(own, 0 * bias)
        self.from_other = Dense(other, 0 * bias)
        self.message, self.update = Normed(layer._edge_mlp, rest=True), Normed(layer._node_mlp)
        gates = matrices(layer._send_attn), matrices(layer._receive_attn)
        self.gates = Dense(*(torch.cat(parts, dim=-1) for parts in zip(*gates)))
        self.softmax = layer._attention_gate == "softmax"
        shift = None if condition is None else layer._cond_node_proj(condition).detach()
        self.register_buffer("condition", shift)
        self.tables = None if tables is None else nn.ModuleList(projected(layer._cond_node_proj, tables))

    def forward(self, nodes, edges, sent, received, layout, packing, state):
        """nodes [C, d], edges [E, d], weights [C, K] of the edges sent and received; layout (neighbors, reverse)."""
        neighbors, reverse = layout
        if self.condition is not None:
            nodes = nodes + self.condition
        if self.tables is not None:
            nodes = nodes + sum(table(numbers) for table, numbers in zip(self.tables, state))
        hidden = self.from_edge(edges) + ends(self.from_own(nodes), self.from_other(nodes), neighbors, reverse, packing)
        messages = self.message(hidden)
        outgoing, back = packing.spread(messages), reverse.reshape(-1)
        send, receive = packing.spread(self.gates(edges)).split(1, dim=1)
        incoming = slot_sum(Reverse.apply(outgoing, back), self.gate(Reverse.apply(receive, back), received))
        parts = [nodes, incoming, slot_sum(outgoing, self.gate(send, sent))]
        return nodes + self.update(torch.cat(parts, dim=1)), edges + messages

    def gate(self, values, weights):
        """values [C·K, 1], weights [C, K] -> the share of each message in the sum [C, K]."""
        values = values.view(weights.shape)
        if not self.softmax:
            return torch.sigmoid(values) * weights
        values = torch.where(weights != 0.0, values, torch.full_like(values, NOTHING))
        powers = torch.exp(values - values.amax(1, keepdim=True).detach()) * weights
        norm = powers.sum(1, keepdim=True)
        return powers / torch.where(norm == 0.0, torch.ones_like(norm), norm) * weights


def projected(linear, tables):
    """Tables of embedded charges and spins [n, d / 2], through the linear map that acts on both side by side."""
    weight, bias = matrices(linear)
    halves = weight.split(tables[0].rows.shape[1], dim=0)
    shifts = bias, 0 * bias
    return [Table(table.rows @ half + shift, table.least) for table, half, shift in zip(tables, halves, shifts)]


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

    def __init__(self, regressor, edges, forces=False, state=None, tables=None):
        """`regressor` in double precision; `forces`: with direct forces.

        `state` [1, d]: embedded charge and spin of all structures; or `tables` of both, for those of each.
        """
        super().__init__()
        gns = regressor.model
        self.cutoff, self.limit = edges.radius, edges.limit
        self.outer = gns.outer_product_with_cutoff
        self.radial, self.angular = radial(gns.rbf_transform), angular(gns.angular_transform)
        self.embed = Normed(gns._encoder._edge_fn)
        self.register_buffer("atoms", atom_table(gns))
        self.layers = nn.ModuleList([Interaction(layer, state, tables) for layer in gns.gnn_stacks])
        self.conditions = () if tables is None else ("charge", "spin")
        self.smooth = bool(gns.gnn_stacks[0]._distance_cutoff)
        self.energy = EnergyHead(regressor.heads["energy"])
        self.forces = readout(regressor.heads["forces"]) if forces else None
        self.zbl = Zbl(regressor.pair_repulsion_fn, ELEMENTS) if regressor.pair_repulsion else None
        self.zbl_mean = regressor.pair_repulsion and regressor.pair_repulsion_fn.node_aggregation == "mean"
        self.register_buffer("radius", torch.tensor(self.cutoff, dtype=torch.float64))
        self.hops = len(self.layers) + 1  # reach of the features: atoms receive along their neighbors' edges

    def forward(
        self,
        edge_vectors,
        neighbors,
        mask,
        reverse,
        species,
        replica=None,
        weights=None,
        charge=None,
        spin=None,
        slots=None,
    ):
        """Outputs for tensors of the contract; without `replica` all atoms belong to one structure."""
        edges = self.chosen(edge_vectors, mask)
        return self.outputs(edges, (neighbors, reverse), species, (weights, replica), (charge, spin), slots)

    def chosen(self, edge_vectors, mask):
        """Vectors and lengths of the edges, and those that their center chose [C, K]."""
        vectors, r = self.lengths(edge_vectors, mask)
        return vectors, r, nearest(r, mask, self.limit)

    @torch.no_grad()
    def slots_mask(self, edge_vectors, _neighbors, mask, _reverse):
        """The edges whose slots are rows."""
        return self.chosen(edge_vectors, mask)[2]

    def lengths(self, vectors, mask):
        """Edge vectors [C, K, 3], as long as the cutoff in padding, and their lengths [C, K]."""
        far = torch.stack([self.radius, 0 * self.radius, 0 * self.radius])
        vectors = torch.where(mask.unsqueeze(2), vectors, far)
        return vectors, (vectors * vectors).sum(2).sqrt()

    def outputs(self, edges, layout, species, structure, state, slots):
        """Outputs from edges (vectors, lengths, those that their centers chose [C, K]) and (neighbors, reverse)."""
        vectors, r, chosen = edges
        own = species[: r.shape[0]]
        count = structure_sum(torch.ones_like(r[:, :1]), *structure)
        count = torch.where(count == 0.0, torch.ones_like(count), count)
        nodes = self.features(*edges, own, layout, slots, state)
        found = {"atomic_energies": self.energy(nodes, count, structure)}
        if self.forces is not None:
            found["forces"] = self.forces(nodes)
        if self.zbl is not None:
            self.repel(found, vectors, r, chosen, layout[1], self.pairs(species, layout[0], own), count)
        found["atomic_energies"] = found["atomic_energies"].squeeze(1)
        return found | ({} if slots is None else {CHOSEN: chosen})

    def pairs(self, species, neighbors, own):
        """Atomic numbers of both ends of the edges, [C] and [C, K]."""
        return own, species.index_select(0, neighbors.reshape(-1)).view(neighbors.shape)

    def features(self, vectors, r, chosen, own, layout, slots=None, state=None):
        """The features of each center after all layers [C, d]."""
        packing = Packing(chosen, slots_of(chosen) if slots is None else slots)
        weights = envelope(r) if self.smooth else torch.ones_like(r)
        weights = torch.where(chosen, weights, torch.zeros_like(r))
        received = Reverse.apply(weights.reshape(-1, 1), layout[1].reshape(-1)).view(r.shape)
        rows = packing.rows(torch.cat([vectors, r.unsqueeze(2)], dim=2)).split([3, 1], dim=1)
        nodes, edges = self.atoms.index_select(0, own), self.embed(self.edge_features(*rows))
        for layer in self.layers:
            nodes, edges = layer(nodes, edges, weights, received, layout, packing, state)
        return nodes

    def edge_features(self, vectors, r):
        """Radial and angular functions of edges, from vectors [E, 3] and lengths [E, 1]."""
        radial, angular = self.radial(r), self.angular(vectors / r)
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
        charge=None,
        spin=None,
        kept_neighbors=None,
        kept_mask=None,
        kept_reverse=None,
        slots=None,
    ):
        """As in `Orb`; `kept_…` [C, L] are those of `narrowed`."""
        kept = None if kept_mask is None else (kept_neighbors, kept_mask, kept_reverse)
        edges, (neighbors, _, reverse) = self.pruned(edge_vectors, neighbors, mask, reverse, kept)
        return self.outputs(edges, (neighbors, reverse), species, (weights, replica), (charge, spin), slots)

    def pruned(self, edge_vectors, neighbors, mask, reverse, layout=None):
        """Vectors, lengths and choice of the kept edges, and their layout, that of `narrowed`."""
        vectors, r = self.lengths(edge_vectors, mask)
        chosen, keep = self.choose(r, mask, reverse)
        layout = layout or narrowed(keep, neighbors, reverse)
        rows = torch.cat([vectors, chosen.unsqueeze(2).to(r.dtype)], dim=2)
        kept_vectors, mark = PruneEdges.apply(rows, keep, neighbors, reverse, layout[1]).split([3, 1], dim=2)
        return (*self.lengths(kept_vectors, layout[1]), layout[1] & (mark.squeeze(2) > 0.5)), layout

    @torch.no_grad()
    def slots_mask(self, edge_vectors, neighbors, mask, reverse):
        """The edges whose slots are rows."""
        return self.pruned(edge_vectors, neighbors, mask, reverse)[0][2]

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
