"""The centers of each rank, counted from the positions alone."""

from functools import cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "examples/liquid/water-64.data"
# Of examples/models/water-pet.onnx.
CUTOFF, HOPS = 3.7, 2


def read_cell():
    """Edge of the cubic box and positions in it, as LAMMPS wraps them."""
    lines = DATA.read_text().splitlines()
    edge = next(float(line.split()[1]) for line in lines if line.endswith("xlo xhi"))
    start = next(i for i, line in enumerate(lines) if line.startswith("Atoms")) + 2
    count = next(int(line.split()[0]) for line in lines if line.endswith(" atoms"))
    return edge, np.array([line.split()[2:5] for line in lines[start : start + count]], float) % edge


def replicated(n):
    """Edge and positions of n³ boxes."""
    edge, positions = read_cell()
    shifts = edge * np.indices((n, n, n)).reshape(3, -1).T
    return n * edge, (shifts[:, None] + positions).reshape(-1, 3)


def neighbors(edge, positions):
    """The neighbor graph as a sparse matrix of ones."""
    pairs = cKDTree(positions, boxsize=edge).query_pairs(CUTOFF, output_type="ndarray")
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_array((np.ones(len(i), np.int32), (i, j)), (len(positions), len(positions)))


@cache
def centers(n, ranks):
    """Number of own and of ghost centers of each rank, for a box cut into slabs along x.

    A ghost center is an atom of another rank with a message that reaches an own atom: HOPS - 1 edges away or nearer. It
    is counted once, whatever its images.
    """
    edge, positions = replicated(n)
    graph = neighbors(edge, positions)
    owner = (positions[:, 0] * ranks / edge).astype(int)
    counts = []
    for rank in range(ranks):
        own = owner == rank
        reached = own
        for _ in range(HOPS - 1):
            reached = reached | (graph @ reached.astype(np.int32) > 0)
        counts.append((int(own.sum()), int(reached.sum() - own.sum())))
    return counts


def bound(n, ranks):
    """Bound of the efficiency from ghost centers: all atoms over ranks times the centers of the busiest rank."""
    counts = centers(n, ranks)
    return sum(own for own, _ in counts) / (ranks * max(own + ghosts for own, ghosts in counts))
