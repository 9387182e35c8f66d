"""Exchanges between centers: rows of neighbors, and sums over structures. Gathers only, in gradients too.

The reversed edges of a center point to it. So the gradient of rows of neighbors is `ReverseEdges` and a
sum over the slots of each center; and a sum that is given to all centers of a structure is its own transpose.
"""

import torch

from . import custom_ops
from .functions import Arrange, Reverse


class NeighborRows(torch.autograd.Function):
    """Rows of centers [C, d] -> for each edge the row of its neighbor [R, d]; call it by `neighbor_rows`.

    R are rows of edges in any order. `neighbors` and `centers` [R] are the ends of the edges: an edge to an atom that
    is no center has the row of its own center. `order` [R] are the reversed edges, as for `Reverse`. `source` [C·K] is
    the row of each slot and `target` [R] the slot of each row, as for `Arrange`; None if R are the slots themselves.
    """

    @staticmethod
    def forward(ctx, rows, neighbors, centers, order, source, target, mask):
        ctx.save_for_backward(order, source, target, mask)
        if custom_ops.wanted():
            return custom_ops.neighbor_rows(rows, neighbors, centers)
        return rows.index_select(0, torch.where(neighbors < rows.shape[0], neighbors, centers))

    @staticmethod
    def backward(ctx, grad):
        order, source, target, mask = ctx.saved_tensors
        back = Reverse.apply(grad, order)
        back = back if source is None else Arrange.apply(back, source, target)
        found = (back.view(*mask.shape, -1) * mask.unsqueeze(2).to(grad.dtype)).sum(1)
        return found, None, None, None, None, None, None


def neighbor_rows(rows, neighbors, mask, reverse, packing=None):
    """Rows of centers [C, d], neighbors, mask, reverse [C, K] -> the row of each edge's neighbor.

    [C·K, d], one row per slot; with a `packing` of the same edges [E, d], its rows. Padding has arbitrary rows, so mask
    their results.
    """
    centers, flat = torch.arange(mask.shape[0], device=mask.device), neighbors.reshape(-1)
    centers = centers.unsqueeze(1).expand(mask.shape).reshape(-1)
    if packing is None:
        return NeighborRows.apply(rows, flat, centers, reverse.reshape(-1), None, None, mask)
    ends = [ends.index_select(0, packing.slots) for ends in (flat, centers)]
    return NeighborRows.apply(rows, *ends, packing.reversed(reverse), packing.edges, packing.slots, mask)


class Ends(torch.autograd.Function):
    """Rows of centers, own and other [C, d] -> for each row of a `packing` own[center] + other[neighbor], [E, d].

    Unlike in `neighbor_rows`, a packing may have an edge without its reversed edge. Call it by `ends`.
    """

    @staticmethod
    def forward(ctx, own, other, neighbors, centers, source, sent, order):
        ctx.save_for_backward(source, sent, order)
        if custom_ops.wanted():
            found = custom_ops.neighbor_rows(other, neighbors, centers)
        else:
            found = other.index_select(0, torch.where(neighbors < other.shape[0], neighbors, centers))
        return found + own.index_select(0, centers)

    @staticmethod
    def backward(ctx, grad):
        source, sent, order = ctx.saved_tensors
        padded, sent = grad.index_select(0, source), sent.to(grad.dtype)
        received = Reverse.apply(sent.reshape(-1, 1), order).view(sent.shape)
        back = Reverse.apply(padded, order)
        parts = [slot_sum(padded, sent), slot_sum(back, received)]
        return *parts, None, None, None, None, None


def slot_sum(rows, weights):
    """Rows of slots [C·K, d], weights [C, K] -> the weighted sum at each center [C, d]."""
    return (weights.unsqueeze(1) @ rows.view(*weights.shape, -1)).squeeze(1)


def ends(own, other, neighbors, reverse, packing):
    """Rows of centers, own and other [C, d], neighbors, reverse [C, K] -> own[center] + other[neighbor], [E, d]."""
    centers = torch.div(packing.slots, packing.mask.shape[1], rounding_mode="floor")
    near = neighbors.reshape(-1).index_select(0, packing.slots)
    sent = packing.filled.view(packing.mask.shape)
    return Ends.apply(own, other, near, centers, packing.edges, sent, reverse.reshape(-1))


class SumOverStructure(torch.autograd.Function):
    """Rows of centers [C, d], replica [N] -> for each center the sum of the rows of its replica's centers [C, d]."""

    @staticmethod
    def forward(ctx, rows, replica):
        ctx.save_for_backward(replica)
        if custom_ops.wanted():
            return custom_ops.sum_over_structure(rows, replica)
        own = replica[: rows.shape[0]]
        sums = rows.new_zeros(int(own.max()) + 1, rows.shape[1]).index_add(0, own, rows)
        return sums.index_select(0, own)

    @staticmethod
    def backward(ctx, grad):
        (replica,) = ctx.saved_tensors
        return SumOverStructure.apply(grad, replica), None


def structure_sum(rows, weights, replica):
    """Rows of centers [C, d], weights [C], replica [N] -> for each center the sum over its structure [C, d].

    Each row counts with its weight: ghosts, of weight 0, do not. Without `weights` all centers count; without `replica`
    all belong to one structure.
    """
    rows = rows if weights is None else rows * weights.unsqueeze(1)
    own = torch.zeros(rows.shape[0], dtype=torch.int64, device=rows.device) if replica is None else replica
    return SumOverStructure.apply(rows, own)
