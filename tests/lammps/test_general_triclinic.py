"""General triclinic boxes, which LAMMPS turns: the model sees the user's axes, results come back in LAMMPS' axes."""

import json
import os
import subprocess

import numpy as np
import pytest
from boxes import toy
from lmp import BIN, COMMAND_LINE, TOYS, assert_close, dump, run, succeed
from pairs import LATTICE
from reference import Reference
from scipy.spatial.transform import Rotation
from states import MOVE, assert_same, finals
from test_reference import BAR

TOY = TOYS / "twohop-padded-f64.onnx"
TURN = Rotation.from_rotvec([0.9, -1.4, 0.5]).as_matrix()
QUARTER = (
    Rotation.from_rotvec([0.0, np.pi / 2, 0.0]).as_matrix() @ Rotation.from_rotvec([np.pi / 2, 0.0, 0.0]).as_matrix()
)
TYPES = np.array(8 * [1] + 14 * [2])
SPECIES = np.where(TYPES == 1, 8, 1)
AXES = ["xx", "yy", "zz", "xy", "xz", "yz"]
TOLD = "LAMMPS has rotated the general triclinic box to its own axes; the model gets the axes of the input"


def structure(turn):
    """Positions and cell, Å: the skewed box of the other tests and 22 atoms that keep apart, turned."""
    rng, places = np.random.default_rng(5), []
    images = np.array(np.meshgrid(*3 * [range(-1, 2)])).reshape(3, -1).T @ LATTICE
    while len(places) < len(TYPES):
        place = rng.uniform(size=3) @ LATTICE
        if all(np.linalg.norm(place + images - other, axis=1).min() > 0.9 for other in places):
            places.append(place)
    return np.array(places) @ turn.T, LATTICE @ turn.T


def read(folder, turn, extra=""):
    """The script that reads the turned structure from a data file."""
    positions, cell = structure(turn)
    lines = ["turned", "", f"{len(TYPES)} atoms", "2 atom types"]
    lines += [" ".join(f"{x:.17g}" for x in row) + f" {name}vec" for row, name in zip(cell, "abc")]
    lines += ["0 0 0 abc origin", "", "Masses", "", "1 15.999", "2 1.008", "", "Atoms # atomic", ""]
    rows = zip(TYPES, positions)
    lines += [f"{k + 1} {kind} " + " ".join(f"{x:.17g}" for x in row) for k, (kind, row) in enumerate(rows)]
    (folder / "turned.data").write_text("\n".join(lines) + "\n")
    head = f"units metal\natom_style atomic\natom_modify map array\nnewton on\n{extra}\n"
    return head + "read_data turned.data\nneighbor 1.0 bin\n"


REPORT = """
thermo_style custom step pe vol pxx pyy pzz pxy pxz pyz
thermo_modify format float %20.15g
dump 1 all custom 1 turned.dump id x y z fx fy fz
dump_modify 1 triclinic/general yes sort id format float %20.17g
run 0
"""


def matrix(six):
    """The symmetric matrix of xx, yy, zz, xy, xz, yz."""
    xx, yy, zz, xy, xz, yz = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def evaluate(folder, script, turn, ranks=1):
    """Energy, forces and virial in the axes of the user, eV and Å."""
    result = succeed(folder, script + REPORT, ranks)
    assert result.output.count(TOLD) == 1
    row, frame = result.thermo()[0], dump(folder / "turned.dump")[0]
    forces = np.array([frame["fx"], frame["fy"], frame["fz"]]).T
    virial = matrix([row["P" + axes] for axes in AXES]) * row["Volume"] * BAR
    return row["PotEng"], forces, turn @ virial @ turn.T


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("rotate", ["none", "octahedral"])
def test_the_model_sees_the_axes_of_the_user(tmp_path, rotate, ranks):
    """Against neighbors and rotations of other packages, with all coordinates in the axes of the user."""
    positions, cell = structure(TURN)
    expected = Reference(TOY).average(positions, cell, SPECIES, rotate, False)
    found = evaluate(tmp_path, read(tmp_path, TURN) + toy(keywords=f"rotate {rotate}"), TURN, ranks)
    assert_close([found[0]], [expected[0]], 1e-12)
    assert_close(found[1], expected[1], 1e-10)
    assert_close(found[2], expected[2], 1e-9)
    # The toy is broken enough for this to mean something.
    straight = Reference(TOY).average(*structure(np.eye(3)), SPECIES, rotate, False)
    assert abs(straight[0] - expected[0]) > 1e-4


@pytest.mark.parametrize("keywords", ["rotate none", "rotate random seed 7", "rotate octahedral+random inversion yes"])
def test_the_command_line_agrees(tmp_path, keywords):
    positions, cell = structure(TURN)
    lattice = " ".join(f"{x:.17g}" for x in cell.ravel())
    lines = [str(len(TYPES)), f'Lattice="{lattice}" pbc="T T T"']
    symbols = {1: "O", 2: "H"}
    lines += [symbols[k] + " " + " ".join(f"{x:.17g}" for x in row) for k, row in zip(TYPES, positions)]
    (tmp_path / "turned.xyz").write_text("\n".join(lines) + "\n")
    words = keywords.replace("inversion yes", "inversion").split()
    options = [f"--{word}" if word in ("rotate", "seed", "inversion") else word for word in words]
    command = [COMMAND_LINE, "eval", TOY, "turned.xyz", "--json", *options]
    environment = {**os.environ, "VIRTUAL_ENV": str(BIN.parent), "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    document = json.loads(done.stdout)
    energy, forces, _ = evaluate(tmp_path, read(tmp_path, TURN) + toy(keywords=keywords), TURN, 2)
    assert_close([energy], [document["energy"]], 1e-12)
    assert_close(forces, document["forces"], 1e-9)


PER_ATOM = """
compute e all pe/atom
compute s all stress/atom NULL virial
compute c all centroid/stress/atom NULL virial
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
dump 1 all custom 1 atoms.dump id c_e c_s[*] c_c[*] fx fy fz
dump_modify 1 sort id format float %20.17g
run 0
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_values_per_atom_come_back(tmp_path, ranks):
    """A box turned by quarters of a turn is the same box for an octahedral average, and the same box to LAMMPS."""
    frames = []
    for turn in (QUARTER, np.eye(3)):
        script = read(tmp_path, turn) + toy(keywords="rotate octahedral") + PER_ATOM
        assert TOLD in succeed(tmp_path, script, ranks).output
        frames.append(dump(tmp_path / "atoms.dump")[0])
    turned, straight = frames
    for name in straight:
        assert_close(turned[name], straight[name], 1e-9)
    # Sideways entries are there, and those of the centroid form are not symmetric.
    assert np.abs(np.subtract(straight["c_c[4]"], straight["c_c[7]"])).max() > 1.0


CONTINUE = MOVE.replace("velocity", "# velocity") + "run 5\n"


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("rotate", ["none", "random seed 3"])
def test_a_restart_keeps_the_axes(tmp_path, rotate, ranks):
    pair = toy(keywords=f"rotate {rotate}")
    first = read(tmp_path, TURN) + pair + MOVE + "run 5\nwrite_restart at.restart\nrun 5\n"
    data = read(tmp_path, TURN) + pair + MOVE + "run 5\nwrite_data general.data triclinic/general\nrun 5\n"
    head = "units metal\natom_style atomic\nnewton on\nread_data general.data\nreset_timestep 5\nneighbor 1.0 bin\n"
    scripts = [first, "read_restart at.restart\n" + pair + CONTINUE, data, head + pair + CONTINUE]
    whole, restarted, again, read_back = finals(tmp_path, *scripts, ranks=ranks)
    assert_same(restarted, whole, 1e-10)
    assert_same(again, whole, 1e-10)
    assert_same(read_back, whole, 1e-8)


@pytest.mark.parametrize("ranks", [1, 2])
def test_energy_is_conserved_in_a_turned_box(tmp_path, ranks):
    """Forces are derivatives of the energy that the model has in the user's axes: errors are of second order."""
    script = read(tmp_path, TURN) + toy() + MOVE
    script += "thermo_style custom step etotal\nthermo_modify format float %20.15g\n"
    drifts = []
    for timestep in (1e-4, 0.5e-4):
        steps = round(0.004 / timestep)
        table = succeed(tmp_path, script + f"timestep {timestep}\nthermo {steps}\nrun {steps}\n", ranks).thermo()
        drifts.append(table[-1]["TotEng"] - table[0]["TotEng"])
    assert 3.0 < drifts[0] / drifts[1] < 5.0, drifts


def test_output_is_silent_about_other_boxes(tmp_path):
    positions, _ = structure(np.eye(3))
    script = read(tmp_path, np.eye(3)).replace(
        "read_data turned.data", "region b prism 0 6.5 0 5.9 0 4.1 1.7 -1.2 0.8\n"
    )
    script += "create_box 2 b\ncreate_atoms 1 single 1 1 1\nmass 1 15.999\nmass 2 1.008\n" + toy() + "run 0\n"
    assert TOLD not in run(tmp_path, script).output
