"""Results of `tumble eval` for the structures of an i-PI run."""

import json
import subprocess

import numpy as np
from simulation import BOHR_PER_ANGSTROM, ENVIRONMENT, HARTREE_PER_EV, TUMBLE

VOIGT = ([0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2])


def evaluate(folder, model, symbols, cells, positions, *arguments):
    """Energies [S], forces [S, N, 3] and virials [S, 6] of frames, eV and Å; frame k has the rotations of step k."""
    lines = []
    for cell, frame in zip(cells, positions):
        lattice = " ".join(map(repr, np.asarray(cell, float).ravel().tolist()))
        periodic = " ".join("T" if np.any(row) else "F" for row in np.asarray(cell))
        comment = f'Lattice="{lattice}" pbc="{periodic}"' if np.any(cell) else ""
        lines += [str(len(symbols)), comment]
        lines += [" ".join([s, *map(repr, x)]) for s, x in zip(symbols, np.asarray(frame).tolist())]
    (folder / "frames.xyz").write_text("\n".join(lines) + "\n")
    command = [TUMBLE, "eval", model, "frames.xyz", "--json", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    energies, forces = (np.array([row[key] for row in rows]) for key in ("energy", "forces"))
    return energies, forces, np.array([np.array(row["virial"])[VOIGT] for row in rows])


def evaluate_run(simulation, model, *arguments, bead=0):
    """The same for the steps of a simulation, in atomic units."""
    cells, positions = simulation.frames("positions", bead)
    angstrom = (array / BOHR_PER_ANGSTROM for array in (cells, positions))
    energies, forces, virials = evaluate(simulation.folder, model, simulation.symbols, *angstrom, *arguments)
    return energies * HARTREE_PER_EV, forces * HARTREE_PER_EV / BOHR_PER_ANGSTROM, virials * HARTREE_PER_EV
