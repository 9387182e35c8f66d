"""Sums and softmax over the edges of each center, and rows of centers and neighbors, for models on a list of edges.

Edges are sorted by center, as in the layout `list` of the contract. These functions replace `index_add`, `scatter` and
gathers of features: they are gathers only, in gradients too. Sums take the rows of each center from a table of its
edges [N, K], where K is the largest number of edges of a center, and zeros in padding.
"""

import contextlib

import torch

from .functions import Reverse

_state = dict(centers=None, table=None)
LOWEST = -1e30  # below every score
REMEDY = (
    "pass `centers` itself, neither a copy nor the neighbors. For sums over the edges that point to an atom, reverse "
    "the rows first (tumble_export.functions.Reverse)"
)


def table(centers, count, rows=None):
    """centers [E], sorted -> the edges of each of `count` atoms [count, K]; `rows`, by default E, in padding."""
    if (centers[1:] < centers[:-1]).any():
        raise SystemExit(f"a sum over edges has indices that do not ascend: {REMEDY}.")
    degree = torch.bincount(centers, minlength=count).unsqueeze(1)
    slots = torch.arange(max(1, int(degree.max())), device=centers.device)
    starts = degree.cumsum(0) - degree
    return torch.where(slots < degree, starts + slots, centers.shape[0] if rows is None else rows)


@contextlib.contextmanager
def known(centers, places):
    """Use a table that is known already for these centers inside this context: its size depends on values."""
    _state.update(centers=centers, table=places)
    try:
        yield
    finally:
        _state.update(centers=None, table=None)


def table_of(centers, count):
    """The known table, or that of the centers."""
    if _state["table"] is None:
        return table(centers, count)
    if centers is not _state["centers"]:
        raise SystemExit(f"a sum over edges has other indices than the `centers` that `forward` was given: {REMEDY}.")
    return _state["table"]


class SumOverEdges(torch.autograd.Function):
    """Rows of edges [E, d] -> the sum over the edges of each center [N, d]."""

    @staticmethod
    def forward(ctx, rows, centers, places):
        ctx.save_for_backward(centers, places)
        rows = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])
        return rows.index_select(0, places.reshape(-1)).view(*places.shape, rows.shape[1]).sum(1)

    @staticmethod
    def backward(ctx, grad):
        return CenterRows.apply(grad, *ctx.saved_tensors), None, None


class CenterRows(torch.autograd.Function):
    """Rows of atoms [N, d] -> for each edge the row of its center [E, d]: the transpose of `SumOverEdges`."""

    @staticmethod
    def forward(ctx, rows, centers, places):
        ctx.save_for_backward(centers, places)
        return rows.index_select(0, centers)

    @staticmethod
    def backward(ctx, grad):
        return SumOverEdges.apply(grad, *ctx.saved_tensors), None, None


class NeighborRows(torch.autograd.Function):
    """Rows of atoms [N, d] -> for each edge the row of its neighbor [E, d].

    An edge without reversed edge, which leads to an atom that is no center, has the row of its own center.
    """

    @staticmethod
    def forward(ctx, rows, centers, neighbors, reverse, places):
        ctx.save_for_backward(centers, reverse, places)
        alone = reverse == torch.arange(reverse.shape[0], device=reverse.device)
        return rows.index_select(0, torch.where(alone, centers, neighbors))

    @staticmethod
    def backward(ctx, grad):
        centers, reverse, places = ctx.saved_tensors
        return SumOverEdges.apply(Reverse.apply(grad, reverse), centers, places), None, None, None, None


def sum_over_edges(rows, centers, count):
    """Rows of edges [E, ..], centers [E] -> the sum over the edges of each of `count` atoms [count, ..]."""
    found = SumOverEdges.apply(rows.reshape(rows.shape[0], -1), centers, table_of(centers, count))
    return found.view(count, *rows.shape[1:])


def center_rows(rows, centers):
    """Rows of atoms [N, ..], centers [E] -> for each edge the row of its center [E, ..]."""
    found = CenterRows.apply(rows.reshape(rows.shape[0], -1), centers, table_of(centers, rows.shape[0]))
    return found.view(centers.shape[0], *rows.shape[1:])


def neighbor_rows(rows, centers, neighbors, reverse):
    """Rows of atoms [N, ..], ends and reversed edges [E] -> for each edge the row of its neighbor [E, ..]."""
    places = table_of(centers, rows.shape[0])
    found = NeighborRows.apply(rows.reshape(rows.shape[0], -1), centers, neighbors, reverse, places)
    return found.view(centers.shape[0], *rows.shape[1:])


def softmax_over_edges(scores, centers, count):
    """Scores of edges [E, h] -> their softmax over the edges of each center [E, h]."""
    places = table_of(centers, count)
    padded = torch.cat([scores.detach(), scores.new_full((1, scores.shape[1]), LOWEST)])
    top = padded.index_select(0, places.reshape(-1)).view(*places.shape, scores.shape[1]).amax(1)
    top = top * (top > LOWEST / 2).to(top.dtype)  # 0 for atoms without edges
    weights = torch.exp(scores - top.index_select(0, centers))
    total = sum_over_edges(weights, centers, count)  # at least 1, or 0 without edges
    return weights / center_rows(total + (total < 0.5).to(total.dtype), centers)
