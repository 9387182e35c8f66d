"""i-PI's <ffcommittee> gets energies, forces and virials of each model from one `tumble ipi`."""

import numpy as np
import pytest
from oracle import evaluate_run
from simulation import BOHR_PER_ANGSTROM, HARTREE_PER_EV, TOYS, Simulation, assert_close, crystal, ffsocket, unique

MODELS = [TOYS / f"{name}.onnx" for name in ("harmonic-padded-f64", "pair-list-f64", "twohop-padded-f64")]
ROTATE = ("--rotate", "tetrahedral")
OTHERS = [word for model in MODELS[1:] for word in ("--model", model)]


def outputs(*names):
    """Extras of each step, one file for each name."""
    return "".join(f"<trajectory filename='{name}' extra_type='{name}'> extras </trajectory>" for name in names)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """A run with <ffcommittee>, which computes the mean itself."""
    name = unique()
    fields = f"<ffcommittee name='tumble'><parse_json>true</parse_json>{ffsocket(name, name='inner')}</ffcommittee>"
    names = ("committee_pot", "committee_force", "committee_virial", "committee_uncertainty")
    simulation = Simulation(tmp_path_factory.mktemp("parsed"), crystal(), fields, outputs=outputs(*names))
    simulation.run((MODELS[0], *OTHERS, "--unix", name, *ROTATE))
    return simulation


@pytest.fixture(scope="module")
def members(parsed):
    """Energies, forces and virials of each model for the structures of the run, atomic units."""
    return [evaluate_run(parsed, model, *ROTATE) for model in MODELS]


def test_energies_and_mean_forces(parsed, members):
    energies = np.array([energies for energies, _, _ in members]).T
    assert_close(parsed.extras("committee_pot"), energies, 1e-12)
    assert_close(parsed.properties()["potential"], energies.mean(axis=1), 1e-12)
    assert_close(parsed.extras("committee_uncertainty")[:, 0], energies.std(axis=1, ddof=1), 1e-9)
    assert_close(parsed.forces(), np.mean([forces for _, forces, _ in members], axis=0), 1e-10)


def test_forces_and_virials_of_the_models(parsed, members):
    steps = parsed.steps + 1
    forces = np.stack([forces for _, forces, _ in members], axis=1)
    assert_close(parsed.extras("committee_force").reshape(steps, 3, -1, 3), forces, 1e-8)
    virials = np.stack([virials for _, _, virials in members], axis=1)
    found = parsed.extras("committee_virial").reshape(steps, 3, 3, 3)
    assert_close(found[:, :, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]], virials, 1e-8)


def test_deviations_without_ffcommittee(tmp_path):
    """i-PI prints the keys of the extras, and moves the atoms by the mean force."""
    name, keys = unique(), ("max_force_deviation", "energy_deviation", "force_deviations")
    simulation = Simulation(tmp_path, crystal(), ffsocket(name), outputs=outputs(*keys))
    simulation.run((MODELS[0], *OTHERS, "--unix", name, *ROTATE))
    members = [evaluate_run(simulation, model, *ROTATE) for model in MODELS]
    forces = np.array([forces for _, forces, _ in members]) * BOHR_PER_ANGSTROM / HARTREE_PER_EV
    deviations = np.linalg.norm(forces.std(axis=0), axis=2)
    assert_close(simulation.extras("force_deviations").reshape(deviations.shape), deviations, 1e-8)
    assert_close(simulation.extras("max_force_deviation")[:, 0], deviations.max(axis=1), 1e-8)
    energies = np.array([energies for energies, _, _ in members]) / HARTREE_PER_EV
    assert_close(simulation.extras("energy_deviation")[:, 0], energies.std(axis=0, ddof=1), 1e-8)
