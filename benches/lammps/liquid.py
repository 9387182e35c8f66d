"""Liquid water without end: equal cells of 192 atoms, of which n³ form the periodic box."""

from dataclasses import dataclass
from functools import cached_property

import geometry
import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Images:
    """Atoms and periodic images in a cuboid."""

    positions: np.ndarray
    # Index of the atom in the cell, and of the atom in the box.
    cell_atoms: np.ndarray
    atoms: np.ndarray
    # Position of the atom itself, and whether this is it.
    wrapped: np.ndarray
    in_box: np.ndarray

    def __getitem__(self, chosen):
        return Images(*(values[chosen] for values in vars(self).values()))


class Liquid:
    """A box of `repeats`³ cells."""

    def __init__(self, repeats):
        self.repeats = repeats
        self.cell, self.positions = geometry.read_cell()
        self.edge = repeats * self.cell

    @cached_property
    def n_atoms(self):
        """Atoms of the box."""
        return len(self.positions) * self.repeats**3

    def images(self, low, high):
        """Atoms and images between two corners."""
        first, last = (np.floor(np.asarray(corner) / self.cell).astype(int) for corner in (low, high))
        cells = first + np.indices(last - first + 1).reshape(3, -1).T
        positions = (cells[:, None] * self.cell + self.positions).reshape(-1, 3)
        cell, atom = (index.ravel() for index in np.indices((len(cells), len(self.positions))))
        wrapped = cells % self.repeats
        atoms = np.ravel_multi_index(wrapped.T, (self.repeats,) * 3)[cell] * len(self.positions) + atom
        in_box = (cells == wrapped).all(axis=1)[cell]
        found = Images(positions, atom, atoms, wrapped[cell] * self.cell + self.positions[atom], in_box)
        return found[((positions >= low) & (positions < high)).all(axis=1)]

    def cell_edges(self, cutoff):
        """Edges from the atoms of one cell: atom, neighbor (indices in the cell), distance."""
        around = self.images(np.full(3, -cutoff), np.full(3, self.cell + cutoff))
        pairs = pairs_within(self.positions, around.positions, cutoff)
        pairs = pairs[pairs["v"] > 0]
        return pairs["i"], around.cell_atoms[pairs["j"]], pairs["v"]


def pairs_within(first, second, cutoff):
    """Pairs of positions within the cutoff: `i`, `j` and the distance `v`."""
    return cKDTree(first).sparse_distance_matrix(cKDTree(second), cutoff, output_type="ndarray")
