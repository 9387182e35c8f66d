"""Evaluates structures with a calculator of ASE, without ASE's cache."""

import time

import ase.io
import numpy as np
from ase.calculators.calculator import all_changes

SHAKE = 0.01  # Å: as in main.rs


def evaluate(made, atoms):
    """Energy (eV) and forces [N, 3] (eV/Å)."""
    made.calculate(atoms, ["energy", "forces"], all_changes)
    return float(made.results["energy"]), made.results["forces"]


def shaken(made, structure):
    """A function that displaces the atoms and returns the seconds of an evaluation; energy and forces at the start."""
    atoms, random = ase.io.read(structure), np.random.default_rng(0)
    start = atoms.positions.copy()
    energy, forces = evaluate(made, atoms)

    def once():
        atoms.positions = start + random.normal(0, SHAKE / np.sqrt(3), start.shape)
        clock = time.perf_counter()
        evaluate(made, atoms)
        return time.perf_counter() - clock

    return once, energy, np.array(forces)
