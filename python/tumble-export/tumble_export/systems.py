"""Small water systems in the model's layout, for tracing and checking without a data set."""

import numpy as np
import torch

from .neighbors import edges, listed, padded

BOND, ANGLE = 0.97, np.deg2rad(104.5)  # Å


def molecule():
    """Positions [3, 3] of O, H, H in Å."""
    y, z = BOND * np.sin(ANGLE / 2), BOND * np.cos(ANGLE / 2)
    return np.array([[0.0, 0.0, 0.0], [0.0, y, z], [0.0, -y, z]])


def orthogonal(rng):
    """A uniformly random orthogonal matrix [3, 3]."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.diag(r))


def water(molecules, seed=0, density=0.0334):
    """(positions [3n, 3] Å, cell [3, 3], species [3n]): rotated molecules on a jittered lattice."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(molecules ** (1 / 3)))
    length = (molecules / density) ** (1 / 3)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:molecules]
    sites = (grid + 0.5) * length / side + rng.uniform(-0.15, 0.15, (molecules, 3))
    positions = np.concatenate([site + molecule() @ orthogonal(rng) for site in sites])
    return positions + rng.normal(0, 0.03, positions.shape), np.eye(3) * length, np.tile([8, 1, 1], molecules)


def inputs(positions, cell, species, cutoff, dtype, centers=None, slots=None, periodic=True, layout="padded"):
    """The contract's six inputs as tensors; weights are 1, except 0 for the last of several centers."""
    count = len(species)
    found = edges(positions, cell, cutoff, (periodic,) * 3)
    if layout == "list":
        rows = listed(*found, count, centers)
    else:
        rows = padded(*found, count, cutoff, slots, centers)
    weights = np.ones(count if centers is None else centers)
    weights[1:][-1:] = 0.0
    arrays = (*rows, np.asarray(species, dtype=np.int64), weights)
    tensors = [torch.from_numpy(np.array(a)) for a in arrays]
    return tuple(t.to(dtype) if t.is_floating_point() else t for t in tensors)


def examples(cutoff, dtype):
    """(name, inputs): 1, 3, 6, 192 and 648 atoms, with C < N, with spare slots, and without edges."""
    lone = (np.zeros((1, 3)), np.eye(3), np.array([8]))
    single = (molecule(), np.eye(3), np.array([8, 1, 1]))
    p, c, s = water(64)
    yield "1 atom", inputs(*lone, cutoff, dtype, periodic=False)
    yield "1 atom, 5 slots", inputs(*lone, cutoff, dtype, slots=5, periodic=False)
    yield "3 atoms", inputs(*single, cutoff, dtype, periodic=False)
    yield "3 atoms, 1 center", inputs(*single, cutoff, dtype, centers=1, periodic=False)
    yield "6 atoms", inputs(*water(2, density=0.01), cutoff, dtype)
    yield "192 atoms", inputs(p, c, s, cutoff, dtype)
    yield "192 atoms, 100 centers, 45 slots", inputs(p, c, s, cutoff, dtype, centers=100, slots=45)
    yield "648 atoms", inputs(*water(216, seed=1), cutoff, dtype)
