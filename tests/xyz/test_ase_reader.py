"""`tumble eval` and ASE read the same structure from an XYZ file, and its advice on other formats works."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
MODEL = ROOT / "tests/data/models/harmonic-padded-f64.onnx"
ENVIRONMENT = {
    **os.environ,
    "ORT_DISABLE_TELEMETRY": "1",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}
ROWS = "O 0.1 0.2 0.3\nH 0.86 0.79 0.3\nH -0.66 0.79 0.3\n"
CELL = "12 0 0 1 11 0 0.5 -2 13"
NESTED = "[[12.0, 0.0, 0.0], [1.0, 11.0, 0.0], [0.5, -2.0, 13.0]]"


def tumble(folder, *arguments):
    words = [TUMBLE, "eval", MODEL, *arguments]
    return subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def seen(folder, name="in.xyz"):
    """The structure evaluated by `tumble eval -o`, read back by ASE."""
    done = tumble(folder, name, "-o", "out.xyz")
    assert done.returncode == 0, done.stderr
    return ase.io.read(folder / "out.xyz", format="extxyz")


def assert_same(found, expected):
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_allclose(found.positions, expected.positions, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.pbc, expected.pbc)
    np.testing.assert_allclose(found.cell[found.pbc], expected.cell[expected.pbc], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        f"3\n\n{ROWS}",
        f'3\r\nLattice="{CELL}"\r\n{ROWS}'.replace("0.3\n", "0.3\r\n"),
        f"3\nLattice='{CELL}' pbc='T F T'\n{ROWS}",
        f'3\nLattice="{CELL}" pbc=[T,F,T] note="it\'s {{a}} \\"note\\""\n{ROWS}',
        f'3\nLattice = "{CELL}" pbc = "T T F"\n{ROWS.replace(" ", chr(9))}\n\n',
        f'3\nLattice="{CELL}" Properties=pos:R:3:tag:I:1:species:S:1\n'
        + "0.1 0.2 0.3 4 O\n0.86 0.79 0.3 5 H\n-0.66 0.79 0.3 6 H\n",
        f'3\nLattice="{CELL}" Properties=Z:I:1:pos:R:3\n{ROWS}'.replace("O ", "8 ").replace("H ", "1 "),
        f"3\nLattice=[{CELL.replace(' ', ', ')}]\n{ROWS}",
        f"3\nLattice={{{CELL}}} pbc={{T T T}}\n{ROWS}",
    ],
    ids=range(9),
)
def test_structures_of_ase_are_read_alike(tmp_path, text):
    (tmp_path / "in.xyz").write_bytes(text.encode())
    assert_same(seen(tmp_path), ase.io.read(tmp_path / "in.xyz", format="extxyz"))


@pytest.mark.parametrize(
    "text",
    [
        f"3\nLattice={NESTED}\n{ROWS}".encode(),
        f"3\nLattice={NESTED.replace(' ', '')} pbc=[T,T,T]\n{ROWS}".encode(),
        b"\xef\xbb\xbf" + f'3\nLattice="{CELL}"\n{ROWS}'.encode(),
        f'3\nLattice="{CELL}" title="5 \xc5 thick"\n{ROWS}'.encode("latin-1"),
        f'3\nLattice="{CELL}"\n{ROWS}'.replace("0.79", "7.9D-1").encode(),
        f'3\nLattice="{CELL}"\n{ROWS}'.replace("H", "D").encode(),
    ],
    ids=["nested", "nested without spaces", "byte order mark", "Latin-1", "exponents of Fortran", "deuterium"],
)
def test_structures_refused_by_ase_are_read_as_meant(tmp_path, text):
    """ASE refuses these, or reads another structure."""
    (tmp_path / "in.xyz").write_bytes(text)
    positions = [[0.1, 0.2, 0.3], [0.86, 0.79, 0.3], [-0.66, 0.79, 0.3]]
    meant = Atoms("OH2", positions, cell=np.array(CELL.split(), float).reshape(3, 3), pbc=True)
    (tmp_path / "plain.xyz").write_text(f'3\nLattice="{CELL}"\n{ROWS}')
    assert_same(seen(tmp_path, "plain.xyz"), meant)
    found, expected = (tumble(tmp_path, name, "--json").stdout for name in ("in.xyz", "plain.xyz"))
    found, expected = (json.loads(text) for text in (found, expected))
    assert (found["energy"], found["forces"]) == (expected["energy"], expected["forces"])


@pytest.mark.parametrize(
    ("name", "format", "options"),
    [
        ("POSCAR", "vasp", {}),
        ("x.cif", "cif", {}),
        ("x.pdb", "proteindatabank", {}),
        ("x.gro", "gromacs", {}),
        ("x.data", "lammps-data", {"masses": True}),
        ("x.traj", "traj", {}),
        ("x.xsf", "xsf", {}),
        ("x.gen", "gen", {}),
        ("x.json", "json", {}),
    ],
)
def test_the_suggested_command_converts_another_format(tmp_path, name, format, options):
    water = Atoms("OH2", [[6, 6, 6], [6.76, 6.59, 6], [5.24, 6.59, 6]], cell=[12, 12, 12], pbc=True)
    ase.io.write(tmp_path / name, water, format=format, **options)
    refused = tumble(tmp_path, name)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {name} seems to be a"), refused.stderr
    command = shlex.split(re.search("`(ase convert .*)`", refused.stderr)[1])
    subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
    found = seen(tmp_path, command[-1])
    np.testing.assert_array_equal(found.numbers, water.numbers)
    np.testing.assert_allclose(found.positions, water.positions, atol=1e-3)
    assert found.pbc.all()
    np.testing.assert_allclose(found.cell, water.cell, atol=1e-2)


def test_the_order_of_atom_types_from_check_matches_the_data_file(tmp_path):
    """By default types are in alphabetical order; with the line of `tumble check`, in the order of pair_coeff."""
    water = Atoms("OH2", [[6, 6, 6], [6.76, 6.59, 6], [5.24, 6.59, 6]], cell=[12, 12, 12], pbc=True)
    ase.io.write(tmp_path / "water.xyz", water)
    words = [TUMBLE, "check", MODEL, "water.xyz", "--reference", "degree:3", "--orientations", "1"]
    said = subprocess.run(words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    names = re.search(r"pair_coeff \* \* \S+ (.*)", said)[1].split()
    write = re.search(r"(write\(.*\))\.", said)[1]
    for call, order in [
        ("write('start.data', atoms, format='lammps-data', masses=True)", sorted(names)),
        (write, names),
    ]:
        script = f"from ase.io import read, write; atoms = read('water.xyz'); {call}"
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
        masses = re.findall(r"^\s*\d+\s+([\d.]+)\s+# (\w+)", (tmp_path / "start.data").read_text(), re.M)
        assert [name for _, name in masses] == order
    assert f"numbers types alphabetically ({' '.join(sorted(names))})" in said
