"""`tumble eval` sees in an XYZ file what i-PI's own reader sees."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from ipi.engine.atoms import Atoms
from ipi.engine.cell import Cell
from ipi.utils.io import print_file, read_file
from simulation import (
    BOHR_PER_ANGSTROM,
    ENVIRONMENT,
    HARTREE_PER_EV,
    TUMBLE,
    WATER,
    Simulation,
    ffsocket,
    unique,
    water,
)

TRICLINIC = np.array([[11.0, -1.5, 2.5], [0.0, 12.0, -0.7], [0.0, 0.0, 9.5]])  # columns, upright
ROWS = "O 0.1 0.2 0.3\nH 1.0 0.5 0.1\nH -0.5 0.9 0.2\n"
SKEW = "3.0 8.0 1.0 -7.5 2.0 2.5 0.5 1.0 9.0"


def seen_by_ipi(path):
    """Positions and cell (rows), Å."""
    with open(path) as file:
        found = read_file("xyz", file, dimension="length")
    return found["atoms"].q.reshape(-1, 3) / BOHR_PER_ANGSTROM, found["cell"].h.T / BOHR_PER_ANGSTROM


def evaluate(path, *arguments):
    command = [TUMBLE, "eval", WATER, path, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, text=True, capture_output=True)


def seen_by_tumble(path):
    """Positions and cell (rows), Å; the cell is None if nothing repeats."""
    out = path.with_name("out.xyz")
    done = evaluate(path, "-o", out)
    assert done.returncode == 0, done.stderr
    _, comment, *rows = out.read_text().splitlines()
    lattice = re.search('Lattice="([^"]*)"', comment)
    assert f'pbc="{"T T T" if lattice else "F F F"}"' in comment
    cell = np.array(lattice[1].split(), float).reshape(3, 3) if lattice else None
    return np.array([row.split()[1:4] for row in rows], float), cell


def assert_same(path):
    positions, cell = seen_by_ipi(path)
    found, lattice = seen_by_tumble(path)
    np.testing.assert_allclose(found, positions, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lattice, cell, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell_units", ["automatic", "angstrom", "nanometer"])
@pytest.mark.parametrize("units", ["automatic", "angstrom", "picometer"])
@pytest.mark.parametrize("key", ["positions", "x_centroid"])
def test_files_of_ipi_are_read(tmp_path, key, units, cell_units):
    structure = water(2)
    atoms = Atoms(len(structure.symbols))
    atoms.names[:] = structure.symbols
    atoms.q[:] = structure.positions.ravel() * BOHR_PER_ANGSTROM
    path = tmp_path / "printed.xyz"
    with open(path, "w") as file:
        cell = Cell(TRICLINIC * BOHR_PER_ANGSTROM)
        title = "Step:           3  Bead:       1 "
        print_file("xyz", atoms, cell, file, title=title, key=key, units=units, cell_units=cell_units)
    assert_same(path)
    np.testing.assert_allclose(seen_by_tumble(path)[0], structure.positions, atol=1e-3)


@pytest.mark.parametrize(
    "comment",
    [
        "# CELL(abcABC): 20 21 22 70 80 100",
        "# CELL{abcABC}: 20 21 22 90 90 120 cell{angstrom}",
        "# CELL[H]: 20 1 -2 0 21 3 0 0 22 positions{angstrom}",
        f"# CELL(GENH): {SKEW} positions{{angstrom}} cell{{angstrom}}",
        f"# CELL(GENH): {SKEW} positions{{angstrom}} cell{{nanometer}}",
        f"# CELL(GENH): {' '.join(reversed(SKEW.split()))} cell{{angstrom}}",
        f"# CELL(GENH): {SKEW} CELL(abcABC): 10 10 10 90 90 90 positions{{angstrom}} cell{{Angstrom}}",
        "# Traj: x_centroid{} CELL(H): 9. 0 0 0 +9.5e0 0 0 0 1E1 4 5 cell{automatic}",
    ],
)
def test_comments_are_read_as_ipi_reads_them(tmp_path, comment):
    path = tmp_path / "read.xyz"
    path.write_text(f"3\n{comment}\n{ROWS}")
    assert_same(path)


def test_comment_without_a_cell_means_no_cell(tmp_path):
    path = tmp_path / "read.xyz"
    path.write_text(f"3\n# positions{{angstrom}}\n{ROWS}")
    positions, cell = seen_by_tumble(path)
    np.testing.assert_allclose(positions, seen_by_ipi(path)[0], rtol=0, atol=1e-12)
    assert cell is None


@pytest.mark.parametrize("unit", ["positions{kelvin}", "positions{angstroms}", "cell{furlong}"])
def test_units_that_ipi_refuses(tmp_path, unit):
    path = tmp_path / "read.xyz"
    path.write_text(f"3\n# CELL(abcABC): 20 20 20 90 90 90 {unit}\n{ROWS}")
    with pytest.raises(TypeError):
        seen_by_ipi(path)
    done = evaluate(path)
    assert done.returncode == 1 and f"{unit} is not a unit of length in i-PI" in done.stderr


def test_a_simulation(tmp_path):
    """The start file is the template, and the trajectory has the energies of the simulation."""
    name = unique()
    trajectory = "<trajectory filename='pos' stride='1'> positions </trajectory>"
    simulation = Simulation(tmp_path, water(), ffsocket(address=name), steps=2, outputs=trajectory)
    shutil.copy(tmp_path / "start.xyz", tmp_path / "template.xyz")
    simulation.run([WATER, "--unix", name])
    done = evaluate(tmp_path / "out.pos_0.xyz", "--json")
    assert done.returncode == 0, done.stderr
    energies = [json.loads(line)["energy"] for line in done.stdout.splitlines()]
    # The trajectory has six digits.
    np.testing.assert_allclose(energies, simulation.properties()["potential"] / HARTREE_PER_EV, rtol=0, atol=1e-3)
