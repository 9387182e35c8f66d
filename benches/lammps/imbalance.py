"""Atoms of the fullest brick of liquid water; the copied cells of the bench have counts that vary too little."""

import math
from statistics import NormalDist

# Atoms per Å³, and atoms per molecule.
DENSITY, OF_A_MOLECULE = 0.1, 3
# Variance of the number of molecules over its mean in large bricks: density · k T · compressibility, for
# 4.5e-10 / Pa at 300 K.
MOLECULES = 0.0622
# Variance of the number of atoms per Å² of surface, from molecules across it: 0.023 to 0.040 in cubes of 3 to 9 Å of
# the cell of examples/liquid.
SURFACE = 0.033


def deviation(atoms):
    """Standard deviation of the number of atoms in a cube."""
    area = 6 * (atoms / DENSITY) ** (2 / 3)
    return math.sqrt(OF_A_MOLECULE * MOLECULES * atoms + SURFACE * area)


def fullest(atoms, ranks):
    """Expected atoms of the fullest of as many bricks, with `atoms` on average, as of independent normal variables."""
    if ranks == 1:
        return atoms
    return atoms + deviation(atoms) * NormalDist().inv_cdf(1 - 1 / (1 + 1.1 * ranks))
