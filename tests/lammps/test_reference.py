"""LAMMPS, the command line and an independent evaluation in Python agree on one structure."""

import json
import os
import subprocess

import numpy as np
import pytest
from boxes import REPORT, model, triclinic, water
from lmp import BIN, COMMAND_LINE, TOYS, WATER, WATER_F64, assert_close, dump, succeed
from reference import Reference

TOY = TOYS / "twohop-padded-f64.onnx"
# bar Å^3 in eV: LAMMPS' own constant of units metal, so that its pressures come back to the last digit.
BAR = 1.0 / 1.6021765e6
SPECIES = {1: 8, 2: 1}
SYMBOLS = {1: "O", 2: "H"}
MITIGATIONS = ["none", "random", "random:3", "tetrahedral", "octahedral", "icosahedral", "degree:1", "legendre:2"]
MITIGATIONS += ["lebedev:3", "octahedral+random"]


def lammps(folder, script):
    """Positions, cell and types as in LAMMPS, and its energy, forces, virial."""
    matrix = "\nvariable cell string '$(lx:%.15g) $(ly:%.15g) $(lz:%.15g) $(xy:%.15g) $(xz:%.15g) $(yz:%.15g)'\n"
    script += REPORT.replace("id x y z", "id type x y z") + matrix + 'print "cell ${cell}"\n'
    result = succeed(folder, script)
    row, frame = result.thermo()[0], dump(folder / "forces.dump")[0]
    line = next(line for line in result.output.splitlines() if line.startswith("cell "))
    lx, ly, lz, xy, xz, yz = map(float, line.split()[1:])
    cell = np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]])
    xx, yy, zz, xy, xz, yz = (row[f"P{k}"] for k in ("xx", "yy", "zz", "xy", "xz", "yz"))
    virial = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) * np.linalg.det(cell) * BAR
    columns = [np.array([frame[a], frame[b], frame[c]]).T for a, b, c in (("x", "y", "z"), ("fx", "fy", "fz"))]
    return columns[0], cell, [int(t) for t in frame["type"]], row["PotEng"], columns[1], virial


def command_line(folder, path, positions, cell, types, *options):
    """Results of `tumble eval` for the same structure."""
    rows = [" ".join([SYMBOLS[t], *(f"{x:.17g}" for x in p)]) for t, p in zip(types, positions)]
    lattice = " ".join(f"{x:.17g}" for x in cell.ravel())
    text = f'{len(rows)}\nLattice="{lattice}" Properties=species:S:1:pos:R:3\n' + "\n".join(rows) + "\n"
    (folder / "structure.xyz").write_text(text)
    command = [COMMAND_LINE, "eval", path, folder / "structure.xyz", "--json", *options]
    environment = {**os.environ, "VIRTUAL_ENV": str(BIN.parent)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("inversion", ["no", "yes"])
@pytest.mark.parametrize("rotate", MITIGATIONS)
def test_lammps_equals_the_command_line(tmp_path, rotate, inversion):
    keywords = f"rotate {rotate} inversion {inversion} seed 11"
    *structure, energy, forces, virial = lammps(tmp_path, triclinic() + model(TOY, keywords))
    options = ["--rotate", rotate, "--seed", "11", *(["--inversion"] if inversion == "yes" else [])]
    expected = command_line(tmp_path, TOY, *structure, *options)
    assert_close(energy, expected["energy"], 1e-10)
    assert_close(forces, expected["forces"], 1e-9)
    assert_close(virial, expected["virial"], 1e-9)


@pytest.mark.parametrize("group", ["none", "tetrahedral", "octahedral", "icosahedral"])
def test_an_independent_average_of_the_toy(tmp_path, group):
    assert_independent(tmp_path, triclinic(), TOY, group, 1e-9)


@pytest.mark.parametrize("path, tolerance", [(WATER_F64, 1e-9), (WATER, 1e-5)])
def test_an_independent_average_of_water(tmp_path, path, tolerance):
    assert_independent(tmp_path, water(tmp_path, 2), path, "tetrahedral", tolerance)


def assert_independent(folder, script, path, group, tolerance):
    """LAMMPS' averages, and the command line's averages and spread, equal the reference."""
    rotate = f"rotate {group} inversion yes"
    positions, cell, types, energy, forces, virial = lammps(folder, script + model(path, rotate))
    species = [SPECIES[t] for t in types]
    mean, mean_forces, mean_virial, spread = Reference(path).average(positions, cell, species, group, True)
    frame = command_line(folder, path, positions, cell, types, "--rotate", group, "--inversion")
    for found in ((energy, forces, virial), (frame["energy"], frame["forces"], frame["virial"])):
        assert_close(found[0], mean, tolerance)
        assert_close(found[1], mean_forces, tolerance)
        assert_close(found[2], mean_virial, tolerance)
    # A spread is a small difference of large energies: absolute, in units of an energy's rounding.
    assert abs(frame["spread"]["energy"] - spread) < tolerance * max(1.0, spread)
