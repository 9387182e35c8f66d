"""Charge, spin and field of structures, in Python, ASE, on the command line and through a server.

The toy `conditions` has the energy E(charge, spin) = (1 + 0.3 charge + 0.2 (spin - 1)) E(0, 1) without a field, and
minus its dipole times the field beside it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import read, write
from tumble import Model, ModelError, ServerError
from tumble.ase import Tumble, TumbleClient

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
TOY = ROOT / "tests/data/models/conditions-padded-f64.onnx"
WATER = ROOT / "examples/models/water-pet-f64.onnx"
ENVIRONMENT = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
REFERENCE = -432.0 - 2 * 13.6
NEUTRAL = {"charge": 0, "spin": 1, "field": [0, 0, 0]}
FIELD = [0.3, -0.2, 0.5]


def water(**info):
    atoms = molecule("H2O")
    atoms.info.update(info)
    return atoms


def of(atoms):
    return atoms.get_chemical_symbols(), atoms.positions


@pytest.fixture(scope="module")
def neutral():
    """Energy of a neutral singlet without a field, less its reference energy."""
    with Model(TOY, **NEUTRAL) as model:
        return model.evaluate(*of(water())).energy - REFERENCE


def test_options_of_a_model_and_of_a_structure(neutral):
    with Model(TOY, **{**NEUTRAL, "charge": 1.0, "spin": 3}) as model:
        assert model.about["conditions"] == ["charge", "spin", "field"]
        assert model.evaluate(*of(water())).energy - REFERENCE == pytest.approx(1.7 * neutral, rel=1e-12)
        one = model.evaluate(*of(water()), charge=-2, spin=1).energy - REFERENCE
        assert one == pytest.approx(0.4 * neutral, rel=1e-12)
        # The next structure has the model's conditions again.
        assert model.evaluate(*of(water())).energy - REFERENCE == pytest.approx(1.7 * neutral, rel=1e-12)


def test_structures_of_a_list_have_their_own(neutral):
    given = [{"charge": -2, "spin": 1}, {}, {"spin": 3}, {"charge": 1.0, "field": FIELD}]
    with Model(TOY, **NEUTRAL) as model:
        found = model.evaluate([(*of(water()), None, conditions) for conditions in given])
        energies = [one.energy - REFERENCE for one in found[:3]]
        np.testing.assert_allclose(energies, np.array([0.4, 1.0, 1.4]) * neutral, rtol=1e-12)
        alone = model.evaluate(*of(water()), charge=1.0, field=FIELD)
        assert found[3].energy == pytest.approx(alone.energy, rel=1e-13)
        np.testing.assert_allclose(found[3].forces, alone.forces, atol=1e-12)


def test_dipole_of_the_toy_is_minus_the_slope_in_the_field():
    with Model(TOY, **NEUTRAL, rotate="octahedral") as model:
        dipole, atoms = np.zeros(3), water()
        q, x = np.where(atoms.numbers == 8, -0.6, 0.4), atoms.positions
        for i, j in np.argwhere(~np.eye(3, dtype=bool)):
            v = x[j] - x[i]
            dipole += q[j] * (1.0 - v @ v / 3.5**2) ** 3 * v
        slopes = []
        for axis in range(3):
            up, down = (model.evaluate(*of(atoms), field=s * np.eye(3)[axis]).energy for s in (0.1, -0.1))
            slopes.append((up - down) / 0.2)
        np.testing.assert_allclose(slopes, -dipole, atol=1e-9)
        assert np.abs(dipole).max() > 0.1


def test_info_of_atoms(neutral):
    calculator = Tumble(TOY, **NEUTRAL)
    atoms = water(charge=-2)
    atoms.calc = calculator
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(0.4 * neutral, rel=1e-12)
    # A change of the conditions alone is a change.
    atoms.info["charge"] = 0
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(neutral, rel=1e-12)
    del atoms.info["charge"]
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(neutral, rel=1e-12)
    calculator.set(spin=3, field=np.array([0, 0, 0]))
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(1.4 * neutral, rel=1e-12)
    images = [water(spin=1), water(charge=1, spin=1), water()]
    calculator.calculate_many(images)
    energies = [image.get_potential_energy() - REFERENCE for image in images]
    np.testing.assert_allclose(energies, np.array([1.0, 1.3, 1.4]) * neutral, rtol=1e-12)


def test_a_field_that_is_changed_in_place():
    atoms = water(field=[0.0, 0.0, 0.1])
    atoms.calc = Tumble(TOY, charge=0, spin=1)
    before = atoms.get_potential_energy()
    atoms.info["field"][2] = 0.2
    after = atoms.get_potential_energy()
    atoms.info["field"] = [0.0, 0.0, 0.1]
    assert after != before == atoms.get_potential_energy()


def test_forces_in_a_field_are_derivatives():
    atoms = water(charge=-1, spin=2, field=FIELD)
    atoms.calc = Tumble(TOY, rotate="octahedral")
    forces = atoms.get_forces()
    for atom, axis in [(0, 2), (1, 1)]:
        energies = []
        for shift in (1e-5, -1e-5):
            moved = atoms.copy()
            moved.positions[atom, axis] += shift
            moved.calc = atoms.calc
            energies.append(moved.get_potential_energy())
        assert forces[atom, axis] == pytest.approx(-(energies[0] - energies[1]) / 2e-5, abs=1e-6)


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({}, 'the model "conditions" needs the charge of the structure: give, for instance, charge 0'),
        ({"charge": 0, "spin": 1}, 'the model "conditions" needs the field of the structure: give, for instance,'),
        ({"charge": 0, "spin": 0.5, "field": FIELD}, "spin is 0.5, which makes no sense: give, for instance, spin 1"),
    ],
)
def test_missing_and_senseless_conditions(given, sentence):
    with Model(TOY) as model, pytest.raises(ModelError, match=sentence):
        model.evaluate(*of(water()), **given)


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"charge": "many"}, "charge is 'many': give a finite number"),
        ({"charge": float("nan")}, "charge is nan: give a finite number"),
        ({"field": [1, 2]}, r"field is \[1, 2\]: give 3 finite numbers"),
        ({"colour": 1}, "'colour' is no condition of a structure: there are charge, spin, field"),
    ],
)
def test_values_that_are_none(given, sentence):
    with Model(TOY) as model, pytest.raises(ValueError, match=sentence):
        model.evaluate(*of(water()), **given)


def test_a_model_without_conditions():
    sentence = 'the structure has charge -1, but the model ".*" knows no conditions: leave it out'
    with pytest.raises(ModelError, match=sentence):
        Model(WATER, charge=-1)
    with Model(WATER, **NEUTRAL) as model:
        model.evaluate(*of(water()))
        with pytest.raises(ModelError, match=sentence):
            model.evaluate(*of(water()), charge=-1)
        # It is not kept for the next one.
        model.evaluate(*of(water()))


def evaluated(folder, frames, *options):
    """Energies of `tumble eval`, less the reference energy, and its standard error."""
    write(folder / "in.xyz", frames, format="extxyz")
    command = [TUMBLE, "eval", TOY, folder / "in.xyz", "-o", folder / "out.xyz", *options]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    found = read(folder / "out.xyz", ":")
    return [one.get_potential_energy() - REFERENCE for one in found]


def test_keys_and_options_of_the_command_line(tmp_path, neutral):
    frames = [water(charge=-2, spin=1), water(), water(field=np.array([0.0, 0.0, 0.0]))]
    options = ["--charge", "-1", "--spin=2", "--field", "0 0 0"]
    np.testing.assert_allclose(evaluated(tmp_path, frames, *options), np.array([0.4, 0.9, 0.9]) * neutral, rtol=1e-12)
    written = read(tmp_path / "out.xyz", ":")
    assert [(one.info["charge"], one.info["spin"]) for one in written] == [(-2, 1), (-1, 2), (-1, 2)]
    listed = [water(charge=0, spin=1, field=[0.0, 0.0, 0.0])]
    np.testing.assert_allclose(evaluated(tmp_path, listed), [neutral], rtol=1e-12)
    found = evaluated(tmp_path, frames[1:2])
    assert "needs the charge of the structure" in found, found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("serve") / "s"
    command = [TUMBLE, "serve", TOY, "--listen", f"unix:{path}", "--field", "0 0 0"]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 60
        while not path.exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"unix:{path}"
        server.terminate()


def test_a_server_takes_them_from_the_client(address, neutral):
    atoms = water(spin=1)
    atoms.calc = TumbleClient(address, charge=-2, rotate="octahedral")
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(0.4 * neutral, rel=1e-11)
    atoms.info["charge"] = 1
    assert atoms.get_potential_energy() - REFERENCE == pytest.approx(1.3 * neutral, rel=1e-11)
    atoms.info["field"] = FIELD
    with Model(TOY, charge=1, spin=1, field=FIELD) as model:
        expected = model.evaluate(*of(atoms))
    assert atoms.get_potential_energy() == pytest.approx(expected.energy, rel=1e-11)
    np.testing.assert_allclose(atoms.get_forces(), expected.forces, atol=1e-9)
    atoms.calc.close()
    other = Atoms("OH2", atoms.positions)
    other.calc = TumbleClient(address, charge=0)
    with pytest.raises(ServerError, match="needs the spin of the structure"):
        other.get_potential_energy()
