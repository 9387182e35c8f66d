"""Neighbor lists in the padded layout of the model contract, from positions and a cell."""

import itertools

import numpy as np


def shifts_within(cell, periodic, cutoff):
    """Integer cell shifts [M, 3] that may bring two atoms of a cell within the cutoff (Å); cell rows are vectors."""
    if not any(periodic):
        return np.zeros((1, 3), dtype=np.int64)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    # fractional differences of wrapped atoms lie within (-1, 1), so |shift| - 1 < cutoff / height
    counts = [int(np.ceil(cutoff / h)) if p else 0 for h, p in zip(heights, periodic)]
    return np.array(list(itertools.product(*[range(-c, c + 1) for c in counts])), dtype=np.int64)


def edges(positions, cell, cutoff, periodic=(True, True, True)):
    """Full neighbor list of positions [N, 3] (Å), ordered by center.

    Returns centers [E], neighbors [E], vectors [E, 3] (x_j - x_i + shift, Å) and the number of the reversed edge [E].
    """
    positions = np.asarray(positions, dtype=np.float64)
    wrapped, home = positions, np.zeros_like(positions, dtype=np.int64)
    if any(periodic):
        home = np.floor(positions @ np.linalg.inv(cell)).astype(np.int64) * np.array(periodic)
        wrapped = positions - home @ cell
    found = []
    for shift in shifts_within(cell, periodic, cutoff):
        vectors = wrapped[None] - wrapped[:, None] + (shift @ cell if any(periodic) else 0.0)
        near = (vectors**2).sum(-1) < cutoff**2
        if not shift.any():
            np.fill_diagonal(near, False)
        i, j = np.nonzero(near)
        found.append((i, j, np.broadcast_to(shift, (len(i), 3)), vectors[i, j]))
    i, j, s, v = (np.concatenate(part) for part in zip(*found))
    order = np.lexsort((s[:, 2], s[:, 1], s[:, 0], j, i))
    i, j, s, v = i[order], j[order], s[order], v[order]
    reverse = np.lexsort((-s[:, 2], -s[:, 1], -s[:, 0], i, j))  # edge (j, i, -s) has the rank of (i, j, s)
    return i, j, v, reverse


def padded(i, j, v, reverse, count, cutoff, slots=None, centers=None):
    """Edges of `count` atoms -> (edge_vectors [C, K, 3], neighbors [C, K], mask [C, K], reverse [C, K]).

    Only the first `centers` atoms keep rows; an edge to any other atom is its own reverse.
    """
    centers = count if centers is None else centers
    degree = np.bincount(i, minlength=count)
    slots = max(1, int(degree[:centers].max(initial=0))) if slots is None else slots
    column = np.arange(len(i)) - (np.cumsum(degree) - degree)[i]
    flat = i * slots + column
    vectors = np.tile(np.array([cutoff, 0.0, 0.0]), (centers, slots, 1))
    neighbors = np.zeros((centers, slots), dtype=np.int64)
    mask = np.zeros((centers, slots), dtype=bool)
    back = np.arange(centers * slots).reshape(centers, slots)
    kept = i < centers
    at = (i[kept], column[kept])
    vectors[at], neighbors[at], mask[at] = v[kept], j[kept], True
    back[at] = np.where(j[kept] < centers, flat[reverse[kept]], flat[kept])
    return vectors, neighbors, mask, back


def listed(i, j, v, reverse, count, centers=None):
    """Edges of `count` atoms -> (edge_vectors [E, 3], centers [E], neighbors [E], reverse [E]).

    Only the first `centers` atoms keep edges; an edge to any other atom is its own reverse.
    """
    centers = count if centers is None else centers
    kept = i < centers
    back = np.where(j < centers, reverse, np.arange(len(i)))
    return v[kept], i[kept], j[kept], back[kept]
