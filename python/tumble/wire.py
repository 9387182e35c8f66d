"""What travels to and from the force server: i-PI's messages, bytes <-> values, and nothing else.

A message is a header of 12 characters, padded with spaces, and what follows it. Numbers are little-endian: int32 and
float64, in Hartree and Bohr.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# i-PI's own constants (ipi/utils/units.py): 1 Å in Bohr, 1 eV in Hartree.
ANGSTROM = 1.8897261
ELECTRON_VOLT = 0.036749326
FORCE = ELECTRON_VOLT / ANGSTROM

# Names of i-PI, with ours and the unit of the wire.
NAMES = {
    "o3grid_pots": ("replica_energies", ELECTRON_VOLT),
    "o3grid_weights": ("replica_weights", 1.0),
    "committee_pot": ("ensemble_energies", ELECTRON_VOLT),
}

HEADER = 12
FLOAT = np.dtype("<f8")
INT = struct.Struct("<i")


def header(name: str) -> bytes:
    """A header."""
    return name.encode().ljust(HEADER)


def text(content: str) -> bytes:
    """A text with its length."""
    encoded = content.encode()
    return INT.pack(len(encoded)) + encoded


def greeting(options: str) -> bytes:
    """The first send: what is wanted, between two questions whose answers are always the same."""
    return header("STATUS") + header("INIT") + INT.pack(0) + text(options) + header("STATUS")


def structure(cell: Array, positions: Array) -> bytes:
    """A structure and the request for its results; rows of the cell [3, 3] are its vectors, positions [N, 3], Å."""
    # The wire has vectors as columns.
    matrix = ANGSTROM * cell.T
    body = numbers(matrix) + numbers(inverse(matrix)) + INT.pack(len(positions)) + numbers(ANGSTROM * positions)
    return header("POSDATA") + body + header("GETFORCE")


def inverse(matrix: Array) -> Array:
    """The inverse, or that of 1 Å³ if there is none: it has to be there, but the force server does not look at it."""
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.eye(3) / ANGSTROM


def numbers(values: ArrayLike) -> bytes:
    """Numbers, row by row."""
    return np.ascontiguousarray(values, FLOAT).tobytes()


def results(body: bytes, atoms: int) -> tuple[Array, Array]:
    """Forces [N, 3], eV/Å, and virial [3, 3], eV."""
    values = np.frombuffer(body, FLOAT).astype(np.float64)
    return values[: 3 * atoms].reshape(atoms, 3) / FORCE, values[3 * atoms :].reshape(3, 3) / ELECTRON_VOLT


def details(extras: dict[str, Any]) -> dict[str, Any]:
    """Extras with our names, eV and Å."""
    here = {key: value for key, value in extras.items() if key not in NAMES}
    for key in NAMES.keys() & extras.keys():
        name, unit = NAMES[key]
        here[name] = [value / unit for value in extras[key]]
    return here
