"""Dipole, charges and polarizability of a model, in Python, ASE, structure files and through a server.

Each is compared with an average made here, with plain ONNX Runtime.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read, write
from scipy.spatial.transform import Rotation
from tumble import Model
from tumble.ase import Tumble, TumbleClient

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
TOYS = ROOT / "tests/data/models"
TOY = TOYS / "dipole-list-f64.onnx"
ENVIRONMENT = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
DEBYE = 1e-21 / 299792458 / 1.602176634e-19 * 1e10  # e Å
NAMES = ["charges", "dipole", "dipoles", "polarizability"]


def water():
    atoms = molecule("H2O")
    atoms.rotate(50, (1, 2, 3))
    return atoms


def replica(session, atoms, turn):
    """The outputs of one rotated copy, turned back."""
    i, j = np.argwhere(~np.eye(len(atoms), dtype=bool)).T
    reverse = [int(np.flatnonzero((i == b) & (j == a))[0]) for a, b in zip(i, j, strict=True)]
    inputs = {
        "edge_vectors": (atoms.positions[j] - atoms.positions[i]) @ turn.T,
        "centers": i,
        "neighbors": j,
        "reverse": np.array(reverse),
        "species": atoms.numbers.astype(np.int64),
        "weights": np.ones(len(atoms)),
    }
    wanted = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
    charges, dipole, dipoles, tensors = session.run(NAMES, wanted)
    tensor = turn.T @ tensors.sum(0) @ turn
    return {
        "charges": charges,
        "dipole": DEBYE * dipole.sum(0) @ turn,
        "dipoles": DEBYE * dipoles @ turn,
        "polarizability": tensor,
    }


@pytest.fixture(scope="module")
def average():
    """Means and standard deviations over the octahedral rotations, with inversion."""
    session = onnxruntime.InferenceSession(TOY, providers=["CPUExecutionProvider"])
    turns = Rotation.create_group("O").as_matrix()
    all_of = [replica(session, water(), sign * turn) for turn in turns for sign in (1, -1)]
    return {
        name: (np.mean([one[name] for one in all_of], 0), np.std([one[name] for one in all_of], 0)) for name in NAMES
    }


OCTAHEDRAL = {"rotate": "octahedral", "inversion": True}


def test_model_has_the_average_of_an_independent_program(average):
    with Model(TOY, **OCTAHEDRAL) as model:
        assert [(one["name"], one["per"], one["law"], one["unit"]) for one in model.about["outputs"]] == [
            ("charges", "atom", "scalar", "e"),
            ("dipole", "structure", "vector", "e*angstrom"),
            ("dipoles", "atom", "vector", "e*angstrom"),
            ("polarizability", "structure", "tensor", "angstrom^3"),
        ]
        atoms = water()
        extras = model.evaluate(atoms.get_chemical_symbols(), atoms.positions).extras
    assert extras["outputs"] == NAMES
    for name, (mean, deviation) in average.items():
        np.testing.assert_allclose(extras[name], mean, atol=1e-13)
        np.testing.assert_allclose(extras[f"{name}_spread"], deviation, atol=1e-9)
        assert deviation.max() > 1e-4


def assert_results(atoms, average):
    np.testing.assert_allclose(atoms.get_dipole_moment(), average["dipole"][0], atol=1e-12)
    np.testing.assert_allclose(atoms.get_charges(), average["charges"][0], atol=1e-12)
    for name, (mean, deviation) in average.items():
        np.testing.assert_allclose(atoms.calc.extra[name], mean, atol=1e-12)
        np.testing.assert_allclose(atoms.calc.details["output_spreads"][name], deviation, atol=1e-8)
    assert atoms.calc.details["output_units"]["dipole"] == "e*angstrom"


def test_ase(average):
    atoms = water()
    atoms.calc = Tumble(TOY, **OCTAHEDRAL)
    assert "dipole" in atoms.calc.implemented_properties and "magmoms" not in atoms.calc.implemented_properties
    assert_results(atoms, average)
    images = [water(), Atoms("OH", [[0, 0, 0], [0, 0, 1]])]
    atoms.calc.calculate_many(images)
    np.testing.assert_allclose(images[0].get_dipole_moment(), average["dipole"][0], atol=1e-12)
    assert images[1].get_charges().shape == (2,)


def test_model_without_outputs_says_so():
    atoms = water()
    atoms.calc = Tumble(TOYS / "pair-list-f64.onnx")
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_dipole_moment()
    assert atoms.calc.extra == {}


def test_structure_files(tmp_path, average):
    write(tmp_path / "in.xyz", water())
    options = ["--rotate", "octahedral", "--inversion"]
    command = [TUMBLE, "eval", TOY, tmp_path / "in.xyz", *options]
    subprocess.run([*command, "-o", tmp_path / "out.xyz"], env=ENVIRONMENT, check=True, capture_output=True)
    found = read(tmp_path / "out.xyz")
    np.testing.assert_allclose(found.get_dipole_moment(), average["dipole"][0], atol=1e-12)
    np.testing.assert_allclose(found.get_charges(), average["charges"][0], atol=1e-12)
    np.testing.assert_allclose(found.info["polarizability"], average["polarizability"][0].ravel(), atol=1e-12)
    np.testing.assert_allclose(found.info["dipole_spread"], average["dipole"][1], atol=1e-8)
    np.testing.assert_allclose(found.arrays["dipoles"], average["dipoles"][0], atol=1e-12)
    done = subprocess.run([*command, "--json"], env=ENVIRONMENT, check=True, capture_output=True, text=True)
    outputs = json.loads(done.stdout)["outputs"]
    assert list(outputs) == NAMES and outputs["dipole"]["unit"] == "e*angstrom"
    np.testing.assert_allclose(outputs["polarizability"]["value"], average["polarizability"][0], atol=1e-12)


def test_server(tmp_path, average):
    path = tmp_path / "s"
    command = [TUMBLE, "serve", TOY, "--listen", f"unix:{path}", "--rotate", "octahedral", "--inversion"]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 60
        while not path.exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        atoms = water()
        with TumbleClient(f"unix:{path}") as atoms.calc:
            assert_results(atoms, average)
        server.terminate()
