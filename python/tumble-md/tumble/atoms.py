"""Translates atom numbers in error messages, which count from 1, to Python indices, and adds nearest neighbors."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np

from tumble.elements import symbol
from tumble.wire import Array

NAMED = re.compile(r"\batoms? (\d+)(?: and (\d+))?")


def in_python(sentence: str, species: Sequence[str | int], positions: Array, cell: Array) -> str:
    """The sentence, with index, element and nearest neighbor (Å) of each atom that it names.

    `species` [N] are symbols or atomic numbers, `positions` [N, 3] in Å. The rows of `cell` [3, 3] are the cell
    vectors, zero along directions that are not periodic.
    """
    numbers = [int(number) for match in NAMED.finditer(sentence) for number in match.groups() if number]
    indices = [number - 1 for number in dict.fromkeys(numbers) if 1 <= number <= len(species)]
    if not indices:
        return sentence
    return f"{sentence} (in Python: {'; '.join(_atom(index, species, positions, cell) for index in indices)})"


def _atom(index: int, species: Sequence[str | int], positions: Array, cell: Array) -> str:
    atom = f"atoms[{index}] is {symbol(species[index])}"
    if not np.isfinite(positions[index]).all() or not np.isfinite(cell).all():
        return atom
    distances = _distances(index, positions, cell)
    distances[index] = np.inf
    nearest = int(np.nanargmin(distances)) if len(species) > 1 and not np.isnan(distances).all() else index
    if not np.isfinite(distances[nearest]):
        return atom
    return f"{atom}, {distances[nearest]:.2f} Å from atoms[{nearest}], {symbol(species[nearest])}"


def _distances(index: int, positions: Array, cell: Array) -> Array:
    """Distances to the nearest image of each atom [N], Å, among the images in the same cell and the adjacent cells."""
    away = positions - positions[index]
    repeats = np.abs(cell).sum(axis=1) > 0.0
    if repeats.any():
        fractions = away @ np.linalg.pinv(cell)
        away = away - np.where(repeats, np.round(fractions), 0.0) @ cell
    shifts = itertools.product(*([-1, 0, 1] if repeat else [0] for repeat in repeats))
    return np.min([np.linalg.norm(away + np.array(shift) @ cell, axis=1) for shift in shifts], axis=0)
