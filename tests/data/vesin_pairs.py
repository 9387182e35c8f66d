"""Writes vesin_pairs.json: neighbor lists by vesin, as a reference for tumble::neighbors.

Needs vesin 0.6.2 and numpy. Lengths in Å. Each case has positions [N][3], cell (rows) [3][3], periodic [3], cutoff,
`pairs` (for each center its sorted pairs, flat: neighbor, shift along a, b, c, neighbor, ...), and `sum`, the sum of
all distances.
"""

import json
import pathlib

import numpy as np
import vesin

rng = np.random.default_rng(7)


def water(n, length):
    """n^3 molecules of random orientation on a jittered lattice, some of them outside the cell."""
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3) * length / n
    positions = []
    for oxygen in grid + rng.normal(0, 0.2, grid.shape):
        a, b = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]
        positions += [oxygen, oxygen + 0.96 * a, oxygen - 0.24 * a + 0.93 * b]
    return np.array(positions) + length * rng.integers(-2, 3, (3 * n**3, 1))


cases = {
    "water": (water(3, 9.32), 9.32 * np.eye(3), [True] * 3, 3.7),
    "small triclinic": (
        rng.uniform(-3, 6, (4, 3)),
        [[2.9, 0.0, 0.0], [1.7, 3.1, 0.0], [-0.8, 1.2, 2.6]],
        [True] * 3,
        5.0,
    ),
    "left-handed": (rng.uniform(0, 8, (20, 3)), [[0, 5, 1], [6, 0, 0], [0.5, 1, 7]], [True] * 3, 4.0),
    "slab": (rng.uniform(0, 9, (40, 3)), [[6, 0, 0], [2, 5.5, 0], [0, 0, 30]], [True, True, False], 3.7),
    "chain": (rng.uniform(-4, 4, (12, 3)), [[20, 0, 0], [0, 20, 0], [1, 2, 4.5]], [False, False, True], 6.0),
    "molecule": (rng.uniform(0, 7, (30, 3)), 10 * np.eye(3), [False] * 3, 3.0),
}

records = []
for name, (positions, cell, periodic, cutoff) in cases.items():
    positions, cell = np.round(positions, 6), np.array(cell, float)
    calculator = vesin.NeighborList(cutoff=cutoff, full_list=True)
    i, j, shifts, distances = calculator.compute(positions, cell, periodic, "ijSd")
    pairs = [[] for _ in positions]
    for center, *pair in sorted(zip(i, j, *shifts.T)):
        pairs[center] += [int(x) for x in pair]
    record = dict(name=name, positions=positions.tolist(), cell=cell.tolist(), periodic=periodic, cutoff=cutoff)
    records.append(record | dict(pairs=pairs, sum=float(distances.sum())))

lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
