"""The training set of `options.yaml` as extended XYZ: `python data.py FOLDER` with DeePMD-kit's water frames in it.

Writes train.xyz (data_0 to data_2: 320 frames of 64 H2O) and test.xyz (data_3: 80), energies in eV, forces in eV/Å.
"""

import sys
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator


def frames(path):
    data = np.load(path)
    for positions, cell, energy, forces in zip(*(data[k] for k in ("positions", "cells", "energies", "forces"))):
        atoms = ase.Atoms(data["atomic_numbers"], positions, cell=cell, pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=forces)
        yield atoms


def write(name, folder, parts):
    found = [atoms for part in parts for atoms in frames(Path(folder) / f"data_{part}.npz")]
    ase.io.write(name, found, format="extxyz")
    print(f"{name}: {len(found)} frames")


if __name__ == "__main__":
    write("train.xyz", sys.argv[1], (0, 1, 2))
    write("test.xyz", sys.argv[1], (3,))
