"""Encodes and decodes the messages of a force server, in i-PI's protocol.

A message is a header of 12 characters, padded with spaces, and its content. Numbers are little-endian int32 and
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

# i-PI's names, with tumble's names and i-PI's units.
NAMES = {
    "o3grid_pots": ("replica_energies", ELECTRON_VOLT),
    "o3grid_weights": ("replica_weights", 1.0),
    "committee_pot": ("ensemble_energies", ELECTRON_VOLT),
    "committee_force": ("member_forces", FORCE),
    "committee_virial": ("member_virials", ELECTRON_VOLT),
}

# Atomic units of a model's other outputs, with tumble's names of them and what one of these is in the atomic unit.
ATOMIC = {
    "e": ("e", 1.0),
    "e*bohr": ("e*angstrom", ANGSTROM),
    "bohr^3": ("angstrom^3", ANGSTROM**3),
    "hartree": ("eV", ELECTRON_VOLT),
    "bohr_magneton": ("bohr_magneton", 1.0),
}

HEADER = 12
FLOAT = np.dtype("<f8")
INT = struct.Struct("<i")


def header(name: str) -> bytes:
    """The header of a message."""
    return name.encode().ljust(HEADER)


def text(content: str) -> bytes:
    """A text, preceded by its length."""
    encoded = content.encode()
    return INT.pack(len(encoded)) + encoded


def greeting(options: str) -> bytes:
    """The first bytes to send: the INIT with the options, between two STATUS with known answers."""
    return header("STATUS") + header("INIT") + INT.pack(0) + text(options) + header("STATUS")


def structure(cell: Array, positions: Array) -> bytes:
    """A structure and the request for its results. Rows of `cell` [3, 3] are its vectors; `positions` [N, 3]; Å."""
    # i-PI's protocol has the vectors as columns.
    matrix = ANGSTROM * cell.T
    body = numbers(matrix) + numbers(inverse(matrix)) + INT.pack(len(positions)) + numbers(ANGSTROM * positions)
    return header("POSDATA") + body + header("GETFORCE")


def inverse(matrix: Array) -> Array:
    """The inverse, or that of a cube of 1 Å if there is none. The protocol requires it, but the server ignores it."""
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.eye(3) / ANGSTROM


def numbers(values: ArrayLike) -> bytes:
    """The bytes of numbers, row by row."""
    return np.ascontiguousarray(values, FLOAT).tobytes()


def results(body: bytes, atoms: int) -> tuple[Array, Array]:
    """Decodes forces [N, 3], eV/Å, and virial [3, 3], eV."""
    values = np.frombuffer(body, FLOAT).astype(np.float64)
    return values[: 3 * atoms].reshape(atoms, 3) / FORCE, values[3 * atoms :].reshape(3, 3) / ELECTRON_VOLT


def details(extras: dict[str, Any]) -> dict[str, Any]:
    """Extras under tumble's names, in eV and Å."""
    here = {key: value for key, value in extras.items() if key not in NAMES}
    for key in NAMES.keys() & extras.keys():
        name, unit = NAMES[key]
        here[name] = (np.array(extras[key]) / unit).tolist()
    known = [ATOMIC.get(name, ("", 1.0)) for name in extras.get("output_units", [])]
    for name, (_, unit) in zip(extras.get("outputs", []), known, strict=True):
        for key in (name, f"{name}_spread"):
            if key in extras:
                here[key] = _tensors(np.array(extras[key]) / unit).tolist()
    if known:
        here["output_units"] = [name for name, _ in known]
    return here


def _tensors(values: Array) -> Array:
    """Rows of nine numbers, [N, 9], as tensors [N, 3, 3]: i-PI takes no lists of three dimensions."""
    return values.reshape(-1, 3, 3) if values.ndim == 2 and values.shape[1] == 9 else values
