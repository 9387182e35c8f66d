"""Conditions of a structure beside its atoms and cell: total charge, spin multiplicity, electric field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each name, with the number of its components.
NAMES = {"charge": 1, "spin": 1, "field": 3}


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions among other entries, such as those of `atoms.info`, without those that are None."""
    return {name: given[name] for name in NAMES if given.get(name) is not None}


def numbers(given: Mapping[str, Any]) -> NDArray[np.float64]:
    """Charge (e), spin (the multiplicity 2S + 1) and field (V/Å) [5]; NaN for those that are not given.

    Raises ValueError for another name, or for something else than finite numbers.
    """
    unknown = sorted(set(given) - set(NAMES))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no condition of a structure: there are {', '.join(NAMES)}")
    parts = [_numbers(name, given.get(name), components) for name, components in NAMES.items()]
    return np.concatenate(parts)


def plain(given: Mapping[str, Any]) -> dict[str, float | list[float]]:
    """The conditions among other entries as numbers and lists of numbers, checked as in `numbers`."""
    known = {name: _numbers(name, value, NAMES[name]).tolist() for name, value in chosen(given).items()}
    return {name: value[0] if NAMES[name] == 1 else value for name, value in known.items()}


def words(given: Mapping[str, Any]) -> dict[str, str]:
    """The conditions as texts of options: `0 0 0.1` for a field."""
    return {name: " ".join(map(repr, np.ravel(value).tolist())) for name, value in plain(given).items()}


def _numbers(name: str, value: Any, components: int) -> NDArray[np.float64]:
    if value is None:
        return np.full(components, np.nan)
    try:
        found = np.asarray(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        found = np.empty(0)
    if len(found) != components or not np.isfinite(found).all():
        raise ValueError(f"{name} is {value!r}: give {'a finite number' if components == 1 else '3 finite numbers'}")
    return found
