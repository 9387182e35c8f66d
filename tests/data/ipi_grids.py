"""Writes ipi_grids.json: the rotation grids of i-PI's `ffrotations` (i-PI 3.3), as a reference for tumble's.

Small grids are stored completely. Larger ones have the number of rotations, the first and last three, and the moment
sum_k (k / n) w_k R_k, which depends on the order of the rotations. Weights are divided by their sum, as in i-PI's
averages. A rotated vector is R v. Run: python tests/data/ipi_grids.py
"""

import json
from pathlib import Path

import numpy as np
from ipi.utils.mathtools import get_rotation_quadrature_lebedev, get_rotation_quadrature_legendre

LEGENDRE = range(1, 11)
LEBEDEV = [1, *range(3, 32, 2), *range(35, 102, 6)]
WHOLE = {"legendre": range(1, 6), "lebedev": [1, 3, 5, 7, 9]}
DIGITS = 13


def compact(array):
    """Nested lists, rounded; whole numbers as integers, to keep the file small."""
    flat = [round(x, DIGITS) + 0.0 for x in np.asarray(array, float).ravel().tolist()]
    return [int(x) if x == int(x) else x for x in flat]


def fixture(kind, order, grid):
    rotations = np.array([rotation for rotation, _, _ in grid])
    weights = np.array([weight for _, weight, _ in grid])
    weights = weights / weights.sum()
    count = len(grid)
    moment = np.einsum("k,kij->ij", np.arange(count) / count * weights, rotations)
    out = {"name": f"{kind}:{order}", "count": count, "moment": compact(moment)}
    if order in WHOLE[kind]:
        out |= {"rotations": compact(rotations), "weights": compact(weights)}
    else:
        out |= {"first": compact(rotations[:3]), "last": compact(rotations[-3:])}
    return out


def main():
    grids = [fixture("legendre", order, get_rotation_quadrature_legendre(order)) for order in LEGENDRE]
    grids += [fixture("lebedev", order, get_rotation_quadrature_lebedev(order)) for order in LEBEDEV]
    text = "[\n" + ",\n".join(json.dumps(g, separators=(",", ":")) for g in grids) + "\n]\n"
    Path(__file__).with_name("ipi_grids.json").write_text(text)


if __name__ == "__main__":
    main()
