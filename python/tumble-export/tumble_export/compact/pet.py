"""A compact PET-like transformer: it has no invariant features, so it is not exactly rotation-invariant.

Every center has T = K + 1 tokens: the center itself and K edges. Rows are the tokens in use, first of all centers, then
of all edges, so that every linear map is one `rows @ weight`. The network sees Cartesian components of the edge vectors
(Å) and species; the distance enters only through the smooth cutoff function and the pair term. Energies are in eV,
without reference energies.
"""

import torch
from torch import nn

from ..functions import Reverse, RmsNorm, Silu, single
from ..packing import Tokens, slots_of
from .pair_baseline import PairTerm


def switch(distances, cutoff, width):
    """Smooth cutoff: 1 below cutoff - width, 0 from the cutoff on, twice continuously differentiable."""
    y = ((cutoff - distances) / width).clamp(0.0, 1.0)
    return y * y * y * (10.0 - 15.0 * y + 6.0 * y * y)


def matrix(inputs, outputs, scale=1.0):
    """A random weight [inputs, outputs]; it preserves the variance of its input, times `scale`."""
    return nn.Parameter(torch.randn(inputs, outputs) * scale / inputs**0.5)


def normalize(rows, gain):
    """Root-mean-square normalization of rows [R, d] with a gain [d]; None if the gain is in the next matrix."""
    rows = RmsNorm.apply(rows)
    return rows if gain is None else rows * gain


class Layer(nn.Module):
    """One message-passing layer: mix in the input and the reversed message, attend, feed forward. It adds one hop."""

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

    def forward(self, inputs, rows, back, bias, tokens):
        """Features of centers [C, S] and edges [E, 3 + S²], rows [C + E, d] or None in the first layer -> rows.

        `back` [C + E]: rows of reversed edges; `bias` [C, 1, T]: logarithm of the cutoff function.
        """
        centers, edges = inputs
        known = edges.shape[1]
        hidden = torch.cat([centers @ self.geometry[known:], edges @ self.geometry[:known]])
        if rows is None:
            rows = Silu.apply(hidden) @ self.compress
        else:
            message = normalize(rows, self.message_gain)
            message = torch.cat([message, Reverse.apply(message, back)], dim=1)
            rows = rows + Silu.apply(hidden + message @ self.message) @ self.compress
        rows = rows + self.attend(normalize(rows, self.attention_gain), bias, tokens)
        return rows + Silu.apply(normalize(rows, self.feed_gain) @ self.up + self.up_bias) @ self.down

    def attend(self, rows, bias, tokens):
        """Attention among the T tokens of each center; a key's weight is multiplied by its cutoff function."""
        width, qkv = rows.shape[1], self.qkv
        if not self.folded:
            qkv = torch.cat([qkv[:, :width] * (width // self.heads) ** -0.5, qkv[:, width:]], dim=1)
        return tokens.attend(rows @ qkv, bias, self.heads) @ self.mix

    @torch.no_grad()
    def fold(self):
        """Merge gains and the scale of the queries into the next matrices: the same function, faster."""
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
    """The compact PET: edge vectors of C centers with at most K neighbors each -> energies of the centers [C], eV."""

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

    def forward(self, edge_vectors, neighbors, mask, reverse, species, slots=None):
        """edge_vectors [C, K, 3] Å, neighbors [C, K], mask [C, K], reverse [C, K], species [N] -> energies [C] eV.

        `slots` [E]: `packing.slots_of(mask)`, if it is known.
        """
        tokens = self.tokens(mask, slots)
        there = mask.reshape(-1).index_select(0, tokens.slots)
        vectors = self.away(tokens.rows(edge_vectors), there)
        distances = (vectors * vectors).sum(-1).sqrt()
        own, pairs = self.one_hot(species, neighbors, tokens, vectors.dtype)
        weights = switch(distances, self.cutoff, self.switch_width)
        inputs = own, torch.cat([vectors, pairs], dim=1)
        rows = self.network(inputs, self.bias(weights, mask, tokens), self.back(reverse, tokens), tokens)
        own, edges = tokens.split(self.read(rows))
        edges = edges * weights + self.pair(distances, pairs)
        return own + (tokens.padded(edges.unsqueeze(1)).squeeze(2) * mask).sum(1)

    def away(self, vectors, there):
        """Rows [E, 3]; rows without an edge are moved to the cutoff, where they contribute nothing."""
        there = there.to(vectors.dtype).unsqueeze(1)
        far = torch.tensor([self.cutoff, 0.0, 0.0], dtype=vectors.dtype, device=vectors.device)
        return vectors * there + far * (1.0 - there)

    def tokens(self, mask, slots):
        """Rows for the edges; in training for every slot, since the compiled graph has fixed shapes."""
        if self.training:
            return Tokens(torch.ones_like(mask), torch.arange(mask.numel(), device=mask.device))
        return Tokens(mask, slots_of(mask) if slots is None else slots)

    def one_hot(self, species, neighbors, tokens, dtype):
        """Species [N], neighbors [C, K] -> one-hot: those of centers [C, S], (center, neighbor) of edges [E, S²]."""
        centers, slots = neighbors.shape
        atoms = (species.unsqueeze(1) == self.numbers).to(dtype)
        center = torch.div(tokens.slots, slots, rounding_mode="floor")
        neighbor = neighbors.reshape(-1).index_select(0, tokens.slots)
        own, other = atoms.index_select(0, center).unsqueeze(2), atoms.index_select(0, neighbor).unsqueeze(1)
        return atoms[:centers], (own * other).flatten(1)

    def back(self, reverse, tokens):
        """Slots of reversed edges [C, K] -> their rows [C + E]; a center is its own reverse."""
        centers = reverse.shape[0]
        own = torch.arange(centers, device=reverse.device)
        return torch.cat([own, centers + tokens.reversed(reverse)])

    def bias(self, weights, mask, tokens):
        """Logarithm of the cutoff function of edges [E] -> [C, 1, T]: 0 for the center; padding is masked."""
        tiny = single(1e-12)
        rows = torch.where(weights > tiny, weights.clamp(min=tiny).log(), -1e5)
        edges = torch.where(mask, tokens.padded(rows.unsqueeze(1)).squeeze(2), -1e5)
        center = edges.new_zeros(1).expand(edges.shape[0], 1)
        return torch.cat([center, edges], dim=1).unsqueeze(1)

    def network(self, inputs, bias, back, tokens):
        """Features of centers [C, S] and edges [E, 3 + S²], bias [C, 1, T] -> rows [C + E, d]."""
        rows = None
        for layer in self.layers:
            rows = layer(inputs, rows, back, bias, tokens)
        return rows

    def read(self, rows):
        """Rows [C + E, d] -> a number for each [C + E]."""
        hidden = Silu.apply(normalize(rows, self.gain) @ self.readout + self.readout_bias)
        return (hidden @ self.last.unsqueeze(1)).squeeze(1)

    def fold(self):
        """The same function with fewer operations, for export; it can no longer be trained."""
        for layer in self.layers:
            layer.fold()
        with torch.no_grad():
            self.readout *= self.gain[:, None]
        self.gain = None
        return self
