"""The checks of LAMMPS' own test harness for a force style, against a reference without code of tumble.

Forces at the start and after four steps of velocity Verlet, made in Python from the ONNX file, must come out of a plain
run, of a restart, of a data file, of r-RESPA and of any number of ranks; and `extract` gives what it says.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from boxes import model, water
from lmp import BIN, PLUGIN, TOYS, WATER_F64, assert_close, dump, succeed
from reference import Reference
from test_reference import SPECIES, lammps

STEPS, DT = 4, 0.0005
FORCE_TO_ACCELERATION = 1.0 / 1.0364269e-4  # eV/Å/u in Å/ps², LAMMPS' constant of units metal
MASSES = {1: 15.999, 2: 1.008}
KEYWORDS = "rotate tetrahedral"
START = "velocity all create 600 4928 mom yes rot yes loop geom\n"
DUMP = "dump 1 all custom 1 {name}.dump id type x y z vx vy vz fx fy fz\ndump_modify 1 sort id format float %20.17g\n"
RUN = "fix 1 all nve\ntimestep 0.0005\n"


def columns(frame, *names):
    """An array [atoms, len(names)]."""
    return np.array([frame[name] for name in names]).T


@pytest.fixture(scope="module", params=[TOYS / "twohop-padded-f64.onnx", WATER_F64], ids=["toy", "water"])
def case(request, tmp_path_factory):
    """A model, the frame at the start, and the forces [5][atoms, 3] of an independent trajectory."""
    folder = tmp_path_factory.mktemp("harness")
    start = water(folder, 2) + model(request.param, KEYWORDS)
    _, cell, types, *_ = lammps(folder, start)
    succeed(folder, start + START + DUMP.format(name="start") + "run 0\n")
    frame = dump(folder / "start.dump")[0]
    return request.param, verlet(Reference(request.param), frame, cell, types)


def verlet(reference, frame, cell, types):
    """Forces along a trajectory integrated in Python."""
    species, masses = [SPECIES[t] for t in types], np.array([MASSES[t] for t in types])[:, None]
    x, v = columns(frame, "x", "y", "z"), columns(frame, "vx", "vy", "vz")
    forces = [reference.average(x, cell, species, "tetrahedral", False)[1]]
    for _ in range(STEPS):
        v = v + 0.5 * DT * forces[-1] / masses * FORCE_TO_ACCELERATION
        x = x + DT * v
        forces.append(reference.average(x, cell, species, "tetrahedral", False)[1])
        v = v + 0.5 * DT * forces[-1] / masses * FORCE_TO_ACCELERATION
    return forces


def assert_forces(folder, name, expected):
    """The forces of a dump equal the expected ones within LAMMPS' constants and rounding."""
    frames = dump(folder / f"{name}.dump")
    assert len(frames) == len(expected)
    for frame, forces in zip(frames, expected):
        assert_close(columns(frame, "fx", "fy", "fz"), forces, 1e-8)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_init_and_run_forces(tmp_path, case, ranks):
    path, expected = case
    script = water(tmp_path, 2) + model(path, KEYWORDS) + START + DUMP.format(name="run") + RUN + f"run {STEPS}\n"
    succeed(tmp_path, script, ranks)
    assert_forces(tmp_path, "run", expected)


def test_restart_and_data_file(tmp_path, case):
    path, expected = case
    succeed(
        tmp_path,
        water(tmp_path, 2) + model(path, KEYWORDS) + START + RUN + "run 2\nwrite_restart two.restart\n"
        "write_data two.data nocoeff\n",
    )
    for name, read in (("restart", "read_restart two.restart"), ("data", "atom_modify map array\nread_data two.data")):
        script = f"units metal\nnewton on\n{read}\nneighbor 1.0 bin\n{model(path, KEYWORDS)}reset_timestep 2\n"
        succeed(tmp_path, script + DUMP.format(name=name) + RUN + "run 2\n", 2)
        assert_forces(tmp_path, name, expected[2:])


@pytest.mark.parametrize("levels", ["2 1 pair 1", "2 1 pair 2", "3 1 1 hybrid 2"])
def test_respa_with_one_loop_is_verlet(tmp_path, case, levels):
    path, expected = case
    pair = model(path, KEYWORDS)
    if "hybrid" in levels:
        pair = pair.replace("pair_style tumble", "pair_style hybrid tumble").replace("* * ", "* * tumble ")
    script = water(tmp_path, 2) + pair + START + DUMP.format(name="respa") + RUN
    succeed(tmp_path, script + f"run_style respa {levels}\nrun {STEPS}\n")
    assert_forces(tmp_path, "respa", expected)


EXTRACT = """
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string(open("in.python").read())
for name in ("scale", "spread_flag", "uncertainty_flag", "epsilon"):
    print(name, lmp.extract_pair_dimension(name), lmp.extract_pair(name))
lmp.close()
"""


def test_extract(tmp_path):
    pair = model(TOYS / "ensemble-padded-f64.onnx")
    (tmp_path / "in.python").write_text(f"plugin load {PLUGIN}\n" + water(tmp_path, 2) + pair + "run 0\n")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(BIN.parent / "lib"), "VIRTUAL_ENV": str(BIN.parent)}
    command = [sys.executable, "-c", EXTRACT]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("scale 2 ") and lines[-1].startswith("epsilon None")
    assert lines[1].startswith("spread_flag 0") and lines[2].startswith("uncertainty_flag 0")
