"""Padding left out: rows for edges that are there, and the way to padded places and back.

In the padded layout a quarter of the slots of liquid water is empty, and half of those of a droplet. Linear maps act
on rows, so they can do without; attention and sums over neighbors want the padded form.
"""

import torch

from . import fused
from .functions import Arrange, Attention, Collect


def occupied(mask):
    """Slots [C·K] that get a row: those with an edge, and the first one, so that there is a row at all."""
    flat = mask.reshape(-1)
    return flat | (torch.arange(flat.shape[0], device=mask.device) == 0)


def slots_of(mask):
    """Flat slots [E] of the edges, ascending. ONNX: NonZero of `occupied`."""
    return occupied(mask).nonzero().squeeze(1)


class Packing:
    """E edges and their slots [C, K]; E counts the first slot, whether it holds an edge or not."""

    def __init__(self, mask, slots):
        """mask [C, K], slots [E] of `slots_of`."""
        self.mask, self.slots = mask, slots
        self.filled = occupied(mask)
        self.edges = self.filled.long().cumsum(0) - 1  # [C·K]; in padding, the edge before it

    def rows(self, values):
        """Values [C, K, d] -> rows [E, d]."""
        flat = values.reshape(self.filled.shape[0], -1)
        return Collect.apply(flat, self.edges, self.slots, self.filled)

    def padded(self, rows):
        """Rows [E, d] -> [C, K, d]; padding holds any rows, so what is made of them must not count."""
        return Arrange.apply(rows, self.edges, self.slots).view(*self.mask.shape, -1)

    def reversed(self, reverse):
        """Flat slots of reversed edges [C, K] -> edges [E]."""
        return self.edges.index_select(0, reverse.reshape(-1).index_select(0, self.slots))


class Tokens(Packing):
    """Rows [C + E, d] of tokens, the centers' and then the edges', and their places [C, K + 1], the center's first."""

    def __init__(self, mask, slots):
        super().__init__(mask, slots)
        centers, count = mask.shape
        own = torch.arange(centers, device=mask.device)
        row = torch.cat([own.unsqueeze(1), centers + self.edges.view(centers, count)], dim=1)
        true = torch.ones_like(mask[:, :1]) if count else mask
        self.source = row.reshape(-1)
        self.there = torch.cat([true, self.filled.view(centers, count)], dim=1).reshape(-1)
        place = slots + torch.div(slots, count, rounding_mode="floor") + 1
        self.target = torch.cat([own * (count + 1), place])
        self.shape = (centers, count + 1)
        self.sizes = (centers, slots.shape[0])

    def arrange(self, rows):
        """Rows [C + E, d] -> [C, K + 1, d]; padding holds any rows."""
        return Arrange.apply(rows, self.source, self.target).view(*self.shape, -1)

    def collect(self, values):
        """[C, K + 1, d] -> rows [C + E, d]."""
        return Collect.apply(values.reshape(self.source.shape[0], -1), self.source, self.target, self.there)

    def attend(self, rows, bias, heads):
        """Attention among the tokens of each center.

        rows [C + E, 3·w] of queries (scaled already), keys and values, each of all heads side by side; bias of the
        keys [C, 1, K + 1] -> [C + E, w]. Written out since torch's own has no ONNX gradient, and one head after the
        other, so that nothing is transposed as a whole.
        """
        if fused.wanted():
            return Attention.apply(rows, bias, self.source, self.target, self.there, heads)
        parts = self.arrange(rows).split(rows.shape[1] // (3 * heads), dim=2)
        found = [attended(*parts[head::heads], bias) for head in range(heads)]
        return self.collect(torch.cat(found, dim=2))

    def split(self, rows):
        """Rows [C + E, d] -> centers [C, d], edges [E, d]."""
        return rows.split(self.sizes)


def attended(queries, keys, values, bias):
    """One head: [C, T, d] each, bias [C, 1, T] -> [C, T, d]."""
    return torch.softmax(queries @ keys.transpose(1, 2) + bias, dim=-1) @ values
