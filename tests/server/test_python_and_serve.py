"""ASE and `tumble serve` together: forces and stress are the derivatives of the energy, and steps are counted."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from tumble import ServerError
from tumble.ase import TumbleClient

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
WATER = ROOT / "examples/models/water-pet-f64.onnx"
ENVIRONMENT = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
POSITIONS = [[0.1, 0.0, 0.2], [0.9, 0.6, 0.2], [-0.6, 0.7, 0.1], [2.7, 0.3, 0.4], [3.3, 0.9, 0.0], [2.4, -0.5, 0.9]]
CELL = [[5.0, 0.0, 0.0], [0.7, 4.5, 0.0], [-0.3, 0.4, 5.5]]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a server for all tests of this module."""
    path = tmp_path_factory.mktemp("serve") / "s"
    command = [TUMBLE, "serve", WATER, "--listen", f"unix:{path}"]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 60
        while not path.exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"unix:{path}"
        server.terminate()


def waters(pbc):
    """Two water molecules."""
    return Atoms("OH2OH2", POSITIONS, cell=CELL, pbc=pbc)


@pytest.mark.parametrize("pbc", [True, [True, True, False], False])
def test_forces_and_stress_are_derivatives(address, pbc):
    atoms = waters(pbc)
    with TumbleClient(address, rotate="tetrahedral") as atoms.calc:
        forces = atoms.get_forces()
        # With rotations that stay the energy is a function of positions and cell alone.
        np.testing.assert_allclose(forces, calculate_numerical_forces(atoms, eps=1e-4), atol=2e-5)
        assert np.abs(forces).max() > 0.1
        assert atoms.calc.details["evaluations"] == 12
        if pbc is True:
            numerical = calculate_numerical_stress(atoms, eps=1e-5)
            spread = atoms.calc.details["spread"]
            np.testing.assert_allclose(atoms.get_stress(), numerical, atol=1e-8)
            assert np.abs(numerical).max() > 1e-2
            assert 0.0 < spread["energy"] < 0.5


def test_replicas_and_spread_belong_together(address):
    atoms = waters(False)
    with TumbleClient(address, rotate="octahedral", inversion=True) as atoms.calc:
        energy, details = atoms.get_potential_energy(), atoms.calc.details
        assert len(details["replica_energies"]) == details["evaluations"] == 48
        assert details["replica_energies"].mean() == pytest.approx(energy, abs=1e-8)
        assert details["replica_energies"].std() == pytest.approx(details["spread"]["energy"], rel=0.05)
        assert details["torque"].shape == (3,)


def test_random_rotations_follow_seed_and_step_through_reconnections(address):
    atoms = waters(False)

    def energies(**options):
        found = []
        with TumbleClient(address, rotate="random", **options) as calc:
            for _ in range(4):
                calc.calculate(atoms)
                found.append(calc.results["energy"])
                calc.close()
        return found

    first = energies(seed=1)
    assert len(set(first)) == 4
    assert energies(seed=1) == first
    assert energies(seed=1, step=2)[:2] == first[2:]
    assert not set(energies(seed=1, stream=1)) & set(first)


def test_a_refusal_names_the_problem_and_a_better_structure_works(address):
    atoms = waters(False)
    with TumbleClient(address) as atoms.calc:
        atoms.positions[1] = atoms.positions[0]
        with pytest.raises(ServerError, match="atoms 1 and 2 coincide"):
            atoms.get_forces()
        atoms.positions[1] = POSITIONS[1]
        assert np.isfinite(atoms.get_forces()).all()
