"""Conversion between rows of real edges and the padded layout.

In the padded layout a quarter of the slots is empty in liquid water, and half in a droplet. Linear maps act on rows, so
they can skip the empty slots; attention and sums over neighbors need the padded form.
"""

import torch

from . import custom_ops
from .functions import Arrange, Attention, Collect

# The name of a mask [C, K] of a module: only these edges are rows. Without it all of them are.
CHOSEN = "slots_mask"


def occupied(mask):
    """Slots [C·K] with a row: those with an edge, and the first one, so that there is at least one row."""
    flat = mask.reshape(-1)
    return flat | (torch.arange(flat.shape[0], device=mask.device) == 0)


def slots_of(mask):
    """Flat slots [E] of the edges, ascending. ONNX: NonZero of `occupied`."""
    return occupied(mask).nonzero().squeeze(1)


class Packing:
    """E edges and their slots [C, K]; E includes the first slot, even if it is empty."""

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
        """Rows [E, d] -> [C, K, d]; padding holds arbitrary rows, so mask their results."""
        return self.spread(rows).view(*self.mask.shape, -1)

    def spread(self, rows):
        """As `padded`, with one axis of slots: rows [E, d] -> [C·K, d]."""
        return Arrange.apply(rows, self.edges, self.slots)

    def center_rows(self, rows):
        """Rows of centers [C, d] -> for each edge the row of its center [E, d]."""
        return self.rows(rows.unsqueeze(1).expand(*self.mask.shape, rows.shape[1]))

    def sum(self, rows):
        """Rows [E, d] -> their sum over the edges of each center [C, d]."""
        return (self.padded(rows) * self.mask.unsqueeze(2).to(rows.dtype)).sum(1)

    def reversed(self, reverse):
        """Flat slots of reversed edges [C, K] -> edges [E]."""
        return self.edges.index_select(0, reverse.reshape(-1).index_select(0, self.slots))


class Tokens(Packing):
    """Rows [C + E, d] of tokens, first centers, then edges, and their places [C, K + 1], the center's own first."""

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
        """Rows [C + E, d] -> [C, K + 1, d]; padding holds arbitrary rows."""
        return Arrange.apply(rows, self.source, self.target).view(*self.shape, -1)

    def collect(self, values):
        """[C, K + 1, d] -> rows [C + E, d]."""
        return Collect.apply(values.reshape(self.source.shape[0], -1), self.source, self.target, self.there)

    def attend(self, rows, bias, heads):
        """Attention among the tokens of each center.

        rows [C + E, 3·w] of queries (scaled already), keys and values, each of all heads side by side; bias of the
        keys [C, 1, K + 1] -> [C + E, w]. Written out, since torch's own has no ONNX gradient. It runs head by head, so
        that no large tensor is transposed.
        """
        if custom_ops.wanted():
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
