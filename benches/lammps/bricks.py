"""The bricks of a cubic box: one for each rank, as LAMMPS cuts it."""

from collections import Counter

import numpy as np


def grid(ranks):
    """Number of bricks along x, y and z: the grid of least surface, of several the first, as LAMMPS chooses it."""
    divisors = [i for i in range(1, ranks + 1) if ranks % i == 0]
    grids = [(x, y, ranks // (x * y)) for x in divisors for y in divisors if ranks % (x * y) == 0]
    return min(grids, key=surface)


def surface(numbers):
    """Half of the surface of a brick of the unit cube."""
    x, y, z = (1 / number for number in numbers)
    return x * y + x * z + y * z


def owners(positions, edge, numbers):
    """Brick of each position in the box, as a row of three numbers."""
    return np.minimum(positions * numbers // edge, np.array(numbers) - 1).astype(int)


def rank_of(bricks, numbers):
    """Number of each brick."""
    return np.ravel_multi_index(np.moveaxis(np.asarray(bricks), -1, 0), numbers)


def brick_of(rank, numbers):
    """Brick of a rank."""
    return tuple(int(i) for i in np.unravel_index(rank, numbers))


def kinds(repeats, numbers):
    """Bricks of a liquid of equal cells, one of each kind, and how many of each kind there are.

    Two bricks are of one kind if they lie alike in the cells: then all their counts are equal.
    """
    first, count = {}, Counter()
    for brick in np.ndindex(*numbers):
        kind = tuple(i * repeats % n for i, n in zip(brick, numbers))
        first.setdefault(kind, brick)
        count[kind] += 1
    return [(first[kind], number) for kind, number in count.items()]
