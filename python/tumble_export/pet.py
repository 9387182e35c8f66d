"""A compact PET-like transformer: no invariant features, so not exactly rotation-invariant, and honest about it.

Every center has T = K + 1 tokens: K edges and, last, the center itself. Rows are tokens, so that every linear map is
one `rows @ weight`. The network sees Cartesian components of the edge vectors (Å) and species; the distance enters
through the smooth cutoff function and the pair term only. Energies are eV, without reference energies.
"""

import torch
from torch import nn

from .functions import Normalize, Reverse, Silu, single
from .pair import PairTerm


def switch(distances, cutoff, width):
    """Smooth cutoff: 1 below cutoff - width, 0 from the cutoff on, twice continuously differentiable."""
    y = ((cutoff - distances) / width).clamp(0.0, 1.0)
    return y * y * y * (10.0 - 15.0 * y + 6.0 * y * y)


def matrix(inputs, outputs, scale=1.0):
    """A weight [inputs, outputs] that keeps the variance of its input, times `scale`."""
    return nn.Parameter(torch.randn(inputs, outputs) * scale / inputs**0.5)


def normalize(rows, gain):
    """Root-mean-square normalization of rows [R, d] with a gain [d]; None where the gain is in the next matrix."""
    rows = Normalize.apply(rows)
    return rows if gain is None else rows * gain


class Layer(nn.Module):
    """One message-passing layer: mix in the input and the reversed message, attend, feed forward. One hop of reach."""

    def __init__(self, features, width, heads, hidden, first):
        super().__init__()
        self.heads, self.folded = heads, False
        self.geometry = nn.Parameter(torch.randn(features, hidden) * 0.7)
        self.compress = matrix(hidden, width)
        if not first:
            self.message = matrix(2 * width, hidden, 0.7)
            self.message_gain = nn.Parameter(torch.ones(width))
        self.attention_gain = nn.Parameter(torch.ones(width))
        self.qkv = matrix(width, 3 * width)
        self.mix = matrix(width, width, 0.5)
        self.feed_gain = nn.Parameter(torch.ones(width))
        self.up = matrix(width, hidden)
        self.up_bias = nn.Parameter(torch.zeros(hidden))
        self.down = matrix(hidden, width, 0.5)

    def forward(self, inputs, rows, slots, bias):
        """inputs [R, F], rows [R, d] or None in the first layer, slots [R], bias [C, 1, T] -> rows [R, d]."""
        hidden = inputs @ self.geometry
        if rows is None:
            rows = Silu.apply(hidden) @ self.compress
        else:
            message = normalize(rows, self.message_gain)
            message = torch.cat([message, Reverse.apply(message, slots)], dim=1)
            rows = rows + Silu.apply(hidden + message @ self.message) @ self.compress
        rows = rows + self.attend(normalize(rows, self.attention_gain), bias)
        return rows + Silu.apply(normalize(rows, self.feed_gain) @ self.up + self.up_bias) @ self.down

    def attend(self, rows, bias):
        """Attention among the T tokens of each center; a key's weight is multiplied by its cutoff function.

        Heads are split off as columns and attend one by one: no transposition of the whole.
        """
        centers, tokens = bias.shape[0], bias.shape[2]
        size = rows.shape[1] // self.heads
        parts = (rows @ self.qkv).view(centers, tokens, -1).split(size, dim=2)
        heads = [self.head(*parts[h :: self.heads], bias) for h in range(self.heads)]
        return torch.cat(heads, dim=2).view(centers * tokens, -1) @ self.mix

    def head(self, q, k, v, bias):
        """q, k, v [C, T, d / heads] and log of the cutoff function [C, 1, T] -> [C, T, d / heads]."""
        if not self.folded:
            q = q * q.shape[2] ** -0.5
        return torch.softmax(q @ k.transpose(1, 2) + bias, dim=-1) @ v

    @torch.no_grad()
    def fold(self):
        """Put gains and the scale of the queries into the matrices that follow them: the same function, faster."""
        width = self.qkv.shape[0]
        self.qkv *= self.attention_gain[:, None]
        self.qkv[:, :width] *= (width // self.heads) ** -0.5
        self.up *= self.feed_gain[:, None]
        self.attention_gain = self.feed_gain = None
        if hasattr(self, "message"):
            self.message *= torch.cat([self.message_gain, self.message_gain])[:, None]
            self.message_gain = None
        self.folded = True


class Pet(nn.Module):
    """Edge vectors of C centers, at most K neighbors each -> energies of the centers [C], eV."""

    def __init__(
        self, cutoff=3.7, switch_width=1.5, species=(1, 8), width=48, heads=4, hidden=96, layers=2, gaussians=24
    ):
        super().__init__()
        self.config = dict(cutoff=cutoff, switch_width=switch_width, species=list(species), width=width)
        self.config |= dict(heads=heads, hidden=hidden, layers=layers, gaussians=gaussians)
        self.cutoff, self.switch_width, self.hops = single(cutoff), single(switch_width), layers
        self.register_buffer("numbers", torch.tensor(list(species)))
        features = 3 + len(species) ** 2 + len(species)
        self.layers = nn.ModuleList([Layer(features, width, heads, hidden, i == 0) for i in range(layers)])
        self.gain = nn.Parameter(torch.ones(width))
        self.readout = matrix(width, width)
        self.readout_bias = nn.Parameter(torch.zeros(width))
        self.last = nn.Parameter(torch.randn(width) * 0.02)
        self.pair = PairTerm(cutoff, len(species), gaussians)

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        """edge_vectors [C, K, 3] Å, neighbors [C, K], mask [C, K], reverse [C, K], species [N] -> energies [C] eV."""
        centers, slots = mask.shape
        far = torch.tensor([self.cutoff, 0.0, 0.0], dtype=edge_vectors.dtype, device=edge_vectors.device)
        vectors = torch.where(mask.unsqueeze(-1), edge_vectors, far)
        distances = (vectors * vectors).sum(-1).sqrt()
        pairs, own = self.one_hot(species, neighbors, centers, vectors.dtype)
        weights = switch(distances, self.cutoff, self.switch_width)
        rows = self.network(self.inputs(vectors, pairs, own), weights, self.slots(reverse))
        return self.read(rows, weights) + self.pair(distances, pairs)

    def one_hot(self, species, neighbors, centers, dtype):
        """Species [N] -> (center, neighbor) one-hot [C, K, S²] and center one-hot [C, S]."""
        atoms = (species.unsqueeze(1) == self.numbers).to(dtype)
        own = atoms[:centers]
        other = atoms.index_select(0, neighbors.reshape(-1)).view(centers, neighbors.shape[1], 1, -1)
        return (own.view(centers, 1, -1, 1) * other).flatten(2), own

    def inputs(self, vectors, pairs, own):
        """What a token knows [C·T, 3 + S² + S]: edges their vector and species pair, the center its species."""
        centers, slots, kinds = pairs.shape
        blank = own.new_zeros(1).expand
        edges = torch.cat([vectors, pairs, blank(centers, slots, own.shape[1])], dim=2)
        center = torch.cat([blank(centers, 1, 3 + kinds), own.unsqueeze(1)], dim=2)
        return torch.cat([edges, center], dim=1).flatten(0, 1)

    def slots(self, reverse):
        """Slots of reversed edges among C·K -> rows among C·T [R]; a center token is its own reverse."""
        centers, edges = reverse.shape
        rows = torch.arange(centers * (edges + 1), device=reverse.device).view(centers, edges + 1)
        # a table of rows rather than a division: integers stay exact in every runtime
        of_edges, own = rows.split([edges, 1], dim=1)
        reversed_rows = of_edges.reshape(-1).index_select(0, reverse.reshape(-1)).view(centers, edges)
        return torch.cat([reversed_rows, own], dim=1).reshape(-1)

    def network(self, inputs, weights, slots):
        """inputs [R, F], cutoff function [C, K], slots [R] -> rows [R, d] after the last layer."""
        tiny = single(1e-12)
        bias = torch.where(weights > tiny, weights.clamp(min=tiny).log(), -1e5)
        bias = torch.cat([bias, bias.new_zeros(1).expand(bias.shape[0], 1)], dim=1).unsqueeze(1)
        rows = None
        for layer in self.layers:
            rows = layer(inputs, rows, slots, bias)
        return rows

    def read(self, rows, weights):
        """Tokens [R, d] -> energies [C]: edge tokens times their cutoff function, plus the center token."""
        hidden = Silu.apply(normalize(rows, self.gain) @ self.readout + self.readout_bias)
        tokens = (hidden @ self.last.unsqueeze(1)).view(weights.shape[0], -1)
        edges, center = tokens.split([weights.shape[1], 1], dim=1)
        return (edges * weights).sum(1) + center.squeeze(1)

    def fold(self):
        """The same function with fewer operations, for export; not for training any more."""
        for layer in self.layers:
            layer.fold()
        with torch.no_grad():
            self.readout *= self.gain[:, None]
        self.gain = None
        return self
