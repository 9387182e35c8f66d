"""Pruning: from the listed edges [C, K] to the kept ones [C, L], and gradients back. Gathers only.

An edge is kept if both of its directions are. The kept edges of a center stand first in its row, in their old order;
L is the largest number of kept edges, at least 1.
"""

import torch

from . import custom_ops
from .functions import Reverse


def both_ways(keep, reverse):
    """keep [C, K], reverse [C, K] -> the edges kept in both directions [C, K]."""
    return keep & keep.reshape(-1).index_select(0, reverse.reshape(-1)).view(keep.shape)


def either_way(keep, reverse, dtype):
    """keep [C, K], reverse [C, K] -> the edges chosen in at least one direction [C, K]; `dtype` is that of the model.

    Each center may choose its edges by itself: `PruneEdges` keeps the edges of either choice, and each center gives
    weight 0 to those that it did not choose.
    """
    chosen = keep.reshape(-1, 1).to(dtype)
    return keep | (Reverse.apply(chosen, reverse.reshape(-1)) > 0.5).view(keep.shape)


def nearest(distances, mask, count):
    """Whether an edge is among the `count` shortest of its center; of equal lengths the first slot wins.

    distances, mask [C, K] -> [C, K].
    """
    r = torch.where(mask, distances, torch.full_like(distances, 1e9))
    mine, other = r.unsqueeze(2), r.unsqueeze(1)
    slots = torch.arange(r.shape[1], device=r.device)
    before = (other < mine) | ((other == mine) & (slots.unsqueeze(0) < slots.unsqueeze(1)))
    return mask & (before.to(torch.int64).sum(2) < count)


def slots(keep, width):
    """Flat slots [C, L] of the kept edges of each center, then of others."""
    order = torch.argsort(keep.to(torch.int8), dim=1, descending=True, stable=True)[:, :width]
    return order + keep.shape[1] * torch.arange(keep.shape[0], device=keep.device).unsqueeze(1)


def gathered(values, at):
    """Rows of values [C, K, ..] at flat slots [C, L] -> [C, L, ..]."""
    rows = values.reshape(-1, *values.shape[2:]).index_select(0, at.reshape(-1))
    return rows.view(*at.shape, *values.shape[2:])


def narrowed(keep, neighbors, reverse):
    """The layout of the kept edges: neighbors, mask and reverse, each [C, L]."""
    keep = both_ways(keep, reverse)
    count = keep.sum(1, keepdim=True)
    width = max(1, int(count.max()))
    at = slots(keep, width)
    mask = torch.arange(width, device=keep.device).unsqueeze(0) < count
    back, own = gathered(reverse, at), torch.arange(mask.numel(), device=keep.device).view(mask.shape)
    place = (keep.long().cumsum(1) - 1).reshape(-1).index_select(0, back.reshape(-1)).view(mask.shape)
    back = torch.div(back, keep.shape[1], rounding_mode="floor") * width + place
    return gathered(neighbors, at), mask, torch.where(mask, back, own)


class PruneEdges(torch.autograd.Function):
    """Rows [C, K, D] of listed edges -> those of the kept ones [C, L, D]; padding has rows of other edges.

    `mask` [C, L] of `narrowed` has the width.
    """

    @staticmethod
    def forward(ctx, rows, keep, neighbors, reverse, mask):
        ctx.save_for_backward(keep, neighbors, reverse, mask)
        if custom_ops.wanted():
            return custom_ops.prune_edges(rows, keep, neighbors, reverse, mask)
        return gathered(rows, slots(both_ways(keep, reverse), mask.shape[1]))

    @staticmethod
    def backward(ctx, grad):
        return RestoreEdges.apply(grad, *ctx.saved_tensors), None, None, None, None


class RestoreEdges(torch.autograd.Function):
    """The transpose of `PruneEdges`: rows [C, L, D] of kept edges -> those of all [C, K, D], 0 if dropped."""

    @staticmethod
    def forward(ctx, rows, keep, neighbors, reverse, mask):
        ctx.save_for_backward(keep, neighbors, reverse, mask)
        if custom_ops.wanted():
            return custom_ops.restore_edges(rows, keep, reverse)
        keep = both_ways(keep, reverse)
        place = (keep.long().cumsum(1) - 1).clamp(min=0)
        place = place + rows.shape[1] * torch.arange(keep.shape[0], device=keep.device).unsqueeze(1)
        return gathered(rows, place) * keep.unsqueeze(2).to(rows.dtype)

    @staticmethod
    def backward(ctx, grad):
        keep, neighbors, reverse, mask = ctx.saved_tensors
        kept = PruneEdges.apply(grad, keep, neighbors, reverse, mask)
        return kept * mask.unsqueeze(2).to(grad.dtype), None, None, None, None
