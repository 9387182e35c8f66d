"""The pair terms of the toy models (tests/data/generate.py) in the triclinic box, by numpy and by brute force.

φ = s (A exp(-r²/w²) - D) (1 - r²/cutoff²)³; the energy of an atom is half of those of its pairs.
"""

import numpy as np

CUTOFF, A, D, W2 = 3.5, 5.0, 0.3, 1.0
STRENGTH = {1: 1.3, 2: 0.7}  # of the types O and H
LATTICE = np.array([[6.5, 0, 0], [1.7, 5.9, 0], [-1.2, 0.8, 4.1]])


class Pairs:
    """All pairs within the cutoff, each both ways, images included: atoms i and j, vectors from i to j."""

    def __init__(self, positions, types):
        images = np.array(np.meshgrid(*3 * [range(-3, 4)], indexing="ij")).reshape(3, -1).T @ LATTICE
        vectors = positions[None, :, None] - positions[:, None, None] + images
        r = np.linalg.norm(vectors, axis=-1)
        self.i, self.j, image = np.nonzero((r < CUTOFF) & (r > 0))
        self.vectors = vectors[self.i, self.j, image]
        strengths = np.array([STRENGTH[int(kind)] for kind in types])
        self.strengths = strengths[self.i] * strengths[self.j]
        self.r2 = (self.vectors**2).sum(axis=1)
        self.u, self.wall = 1 - self.r2 / CUTOFF**2, A * np.exp(-self.r2 / W2)
        self.n_atoms = len(positions)

    def sums(self, values):
        """Sums of a value per pair, over the pairs of each atom."""
        total = np.zeros((self.n_atoms, *values.shape[1:]))
        np.add.at(total, self.i, values)
        return total

    def energies(self):
        """Energy of each atom, eV."""
        return self.sums(0.5 * self.strengths * (self.wall - D) * self.u**3)

    def forces(self):
        """Force on the first atom of each pair, eV/Å."""
        slope = self.strengths * (-self.wall / W2 * self.u**3 - (self.wall - D) * 3 * self.u**2 / CUTOFF**2)
        return 2 * slope[:, None] * self.vectors
