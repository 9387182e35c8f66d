"""Structures for the comparison of an exported file with its source model."""

import os

import numpy as np

from . import conditions
from .adapter import Structure
from .systems import water
from .units import ANGSTROM

SPACING = 2.4  # Å, between atoms of built-in structures other than water
SIZES = ((1, False), (3, False), (6, True), (24, False), (192, True))  # (atoms, periodic); 36 atoms are traced


def lattice(species, count, seed=0):
    """(positions [count, 3] Å, cell [3, 3], species [count]): random species on a jittered cubic lattice."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(count ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    positions = (grid + rng.uniform(-0.12, 0.12, (count, 3))) * SPACING
    return positions, np.eye(3) * side * SPACING, rng.choice(species, count)


def material(species, count, seed=0):
    """Water if the model knows it, else a lattice; `count` is a multiple of 3."""
    return water(count // 3, seed) if {1, 8} <= set(species) else lattice(species, count, seed)


def sizes(largest):
    """(atoms, periodic) of the built-in structures: the usual sizes below the largest one, and the largest one."""
    usual = [(count, periodic) for count, periodic in SIZES if count < largest]
    return [*usual, (largest, largest > 3)]


def builtin(species, unit="angstrom", largest=192):
    """Structures of 1 to `largest` atoms in a model's length unit."""
    scale = 1.0 / ANGSTROM[unit]
    for count, periodic in sizes(largest):
        positions, cell, numbers = material(species, 3 * -(-count // 3), seed=count)
        positions, numbers = positions[:count], np.asarray(numbers)[:count]
        name = f"{count} {'atom' if count == 1 else 'atoms'}, {'periodic' if periodic else 'free'}"
        yield Structure(name, positions * scale, cell * scale, numbers, periodic)


def read(path, species, unit="angstrom"):
    """Structures from a file, read by ASE."""
    try:
        import ase.io
    except ImportError as error:
        raise SystemExit("--check reads structures with ASE: pip install ase") from error
    if not os.path.isfile(path):
        raise SystemExit(f"there is no file {path} with structures: give one to --check that ASE reads.")
    try:
        frames = ase.io.read(path, index=":")
    except Exception as error:  # ASE has other errors for each format
        raise SystemExit(
            f"ASE cannot read structures from {path} ({type(error).__name__}: {error}): check its format and the "
            "symbols of its elements."
        ) from error
    return [checked(path, i, atoms, species, 1.0 / ANGSTROM[unit]) for i, atoms in enumerate(frames)]


def checked(path, index, atoms, species, scale):
    """One frame; refused if it does not suit the model."""
    unknown = sorted(set(atoms.numbers.tolist()) - set(species))
    if unknown:
        raise SystemExit(
            f"structure {index} of {path} has the atomic numbers {unknown}, but the model knows {sorted(species)} "
            "only: leave that structure out."
        )
    if atoms.pbc.any() and not atoms.pbc.all():
        raise SystemExit(f"structure {index} of {path} is periodic in some directions only: make it all or none.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(np.array(atoms.cell)).all()):
        raise SystemExit(f"structure {index} of {path} has a position or cell that is not finite: correct it.")
    name = f"{path.rsplit('/', 1)[-1]} {index}: {len(atoms)} atoms"
    cell = np.array(atoms.cell) if atoms.pbc.all() else np.eye(3) / scale
    given = conditions.of_info(atoms.info)
    return Structure(name, atoms.positions * scale, cell * scale, atoms.numbers, bool(atoms.pbc.all()), given)
