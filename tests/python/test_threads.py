"""One calculator in several threads: each sees the results of its own atoms."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from tumble import Model
from tumble.ase import Tumble

TOY = Path(__file__).resolve().parents[2] / "tests/data/models/harmonic-padded-f64.onnx"
EVALUATIONS = 200


def water(shift=0.0):
    """H2O with a stretched bond, Å."""
    return Atoms("OH2", [[0.0, 0.0, 0.0], [0.96 + shift, 0.0, 0.0], [-0.24, 0.93, 0.0]])


def results(atoms):
    """Energy and forces."""
    return atoms.get_potential_energy(), atoms.get_forces()


@pytest.fixture(scope="module")
def expected():
    """Results of structures 0.001 Å apart, each from a separate calculator."""
    with Tumble(TOY, rotate="octahedral") as calc:
        found = []
        for k in range(EVALUATIONS):
            atoms = water(0.001 * k)
            atoms.calc = calc
            found.append(results(atoms))
    return found


def assert_right(found, expected):
    """Results agree to the last bit."""
    wrong = [
        k for k, ((e, f), (energy, forces)) in enumerate(zip(found, expected)) if e != energy or (f != forces).any()
    ]
    assert wrong == []


@pytest.mark.parametrize("threads", [2, 4, 8])
def test_energies_and_forces_belong_to_the_requested_atoms(threads, expected):
    with Tumble(TOY, rotate="octahedral") as calc:

        def ask(k):
            atoms = water(0.001 * k)
            atoms.calc = calc
            return results(atoms)

        with ThreadPoolExecutor(threads) as pool:
            assert_right(list(pool.map(ask, range(EVALUATIONS))), expected)
    energies = [energy for energy, _ in expected]
    assert len(set(energies)) == EVALUATIONS


def test_results_and_details_belong_to_the_thread(expected):
    with Tumble(TOY, rotate="octahedral") as calc:

        def ask(k):
            calc.calculate(water(0.001 * k))
            assert calc.details["replica_energies"].mean() == pytest.approx(calc.results["energy"], abs=1e-9)
            assert calc.atoms == water(0.001 * k)
            return calc.results["energy"], calc.results["forces"]

        with ThreadPoolExecutor(4) as pool:
            assert_right(list(pool.map(ask, range(EVALUATIONS))), expected)


def test_energy_and_forces_of_one_structure_share_their_random_rotation():
    """Calculations of other threads do not come between two requests for one structure."""
    with Tumble(TOY, rotate="random", seed=1) as calc:

        def ask(k):
            atoms = water(0.001 * k)
            atoms.calc = calc
            return atoms.get_potential_energy(), atoms.get_potential_energies().sum(), atoms.get_potential_energy()

        with ThreadPoolExecutor(4) as pool:
            rows = list(pool.map(ask, range(EVALUATIONS)))
        assert calc.step == EVALUATIONS
    for energy, sum_of_atoms, again in rows:
        assert energy == again == pytest.approx(sum_of_atoms, abs=1e-10)


def test_a_thread_takes_over_the_results_of_another():
    with Tumble(TOY, rotate="random") as calc:
        atoms = water()
        atoms.calc = calc
        found = []
        thread = threading.Thread(target=lambda: found.append(atoms.get_potential_energy()))
        thread.start()
        thread.join()
        assert calc.results["energy"] == found[0] == atoms.get_potential_energy()
        # Also after it has calculated something by itself.
        calc.get_potential_energy(water(0.1))
        atoms.rattle(0.01)
        thread = threading.Thread(target=lambda: found.append(atoms.get_potential_energy()))
        thread.start()
        thread.join()
        assert atoms.get_potential_energy() == found[1]
        assert calc.step == 3


def test_changed_parameters_hold_in_all_threads():
    with Tumble(TOY, rotate="octahedral") as calc, ThreadPoolExecutor(1) as pool:
        atoms = water()
        atoms.calc = calc
        before = pool.submit(atoms.get_potential_energy).result()
        assert atoms.get_potential_energy() == before
        calc.set(rotate="none")
        bare = pool.submit(atoms.get_potential_energy).result()
        assert bare != before
        assert atoms.get_potential_energy() == bare


def test_a_model_gives_each_thread_its_own_results(expected):
    with Model(TOY, rotate="octahedral") as model:

        def ask(k):
            found = model.evaluate(["O", "H", "H"], water(0.001 * k).positions)
            assert np.mean(found.extras["replica_energies"]) == pytest.approx(found.energy, abs=1e-9)
            assert found.energies.sum() == pytest.approx(found.energy, abs=1e-10)
            return found.energy, found.forces

        with ThreadPoolExecutor(8) as pool:
            assert_right(list(pool.map(ask, range(EVALUATIONS))), expected)
