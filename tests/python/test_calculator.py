"""The calculator in this process: derivatives, every mitigation, dynamics, and its messages to the user."""

import copy
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tumble
from ase import Atoms, units
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.io import write
from ase.md.verlet import VelocityVerlet
from tumble import Model, ModelError
from tumble.ase import Tumble
from tumble.library import library

ROOT = Path(__file__).resolve().parents[2]
COMMAND_LINE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
TOYS = ROOT / "tests/data/models"
TOY = TOYS / "harmonic-padded-f64.onnx"
WATER = ROOT / "examples/models/water-pet-f64.onnx"
POSITIONS = [[0.1, 0.0, 0.2], [0.9, 0.6, 0.2], [-0.6, 0.7, 0.1], [2.7, 0.3, 0.4], [3.3, 0.9, 0.0], [2.4, -0.5, 0.9]]
CELL = [[5.0, 0.0, 0.0], [0.7, 4.5, 0.0], [-0.3, 0.4, 5.5]]


def waters(pbc=True):
    """Two water molecules."""
    return Atoms("OH2OH2", POSITIONS, cell=CELL, pbc=pbc)


def energy(atoms, **options):
    """Energy from a new calculator."""
    with Tumble(TOY, **options) as calc:
        return calc.get_potential_energy(atoms)


@pytest.mark.parametrize("pbc", [True, [True, False, True], False])
@pytest.mark.parametrize("rotate", ["none", "icosahedral"])
def test_forces_and_stress_are_derivatives(pbc, rotate):
    atoms = waters(pbc)
    with Tumble(TOY, rotate=rotate) as atoms.calc:
        forces = atoms.get_forces()
        np.testing.assert_allclose(forces, calculate_numerical_forces(atoms, eps=1e-4), atol=1e-6)
        assert np.abs(forces).max() > 0.1
        assert atoms.get_potential_energies().sum() == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
        if pbc is True:
            numerical = calculate_numerical_stress(atoms, eps=1e-5)
            np.testing.assert_allclose(atoms.get_stress(), numerical, atol=1e-8)
            assert np.abs(numerical).max() > 1e-3
        else:
            assert "stress" not in atoms.calc.results


@pytest.mark.parametrize(
    "rotate, count",
    [
        ("none", 1),
        ("random", 1),
        ("random:7", 7),
        ("tetrahedral", 12),
        ("octahedral", 24),
        ("icosahedral+random", 60),
        ("degree:2", 12),
        ("legendre:3", 75),
        ("lebedev:5+random", 70),
    ],
)
def test_mitigations_have_their_evaluations(rotate, count):
    atoms = waters()
    for inversion in (False, True):
        with Tumble(TOY, rotate=rotate, inversion=inversion, seed=1) as atoms.calc:
            atoms.get_potential_energy()
            details, copies = atoms.calc.details, count * (1 + inversion)
            assert details["evaluations"] == copies
            assert ("spread" in details) == (copies > 1)
            if copies > 1:
                spread, replicas = details["spread"], details["replica_energies"]
                assert replicas.shape == (copies,)
                assert spread["energies"].shape == (6,)
                rms = np.sqrt(np.mean(spread["force_components"] ** 2))
                assert rms == pytest.approx(spread["forces"], rel=1e-12)
            if rotate in ("octahedral", "tetrahedral"):
                # Equal weights.
                assert replicas.mean() == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
                assert replicas.std() == pytest.approx(spread["energy"], rel=1e-6)
                assert spread["energy"] > 1e-3


def test_calculator_agrees_with_the_command_line(tmp_path):
    atoms = waters()
    write(tmp_path / "water.xyz", atoms, format="extxyz")
    options = ["--rotate", "octahedral+random", "--inversion", "--seed", "3", "--json"]
    command = [COMMAND_LINE, "eval", TOY, tmp_path / "water.xyz", *options]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
    expected = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    with Tumble(TOY, rotate="octahedral+random", inversion=True, seed=3, threads=2) as atoms.calc:
        # XYZ files have eight decimals.
        assert atoms.get_potential_energy() == pytest.approx(expected["energy"], abs=1e-7)
        np.testing.assert_allclose(atoms.get_forces(), expected["forces"], atol=1e-6)
        np.testing.assert_allclose(atoms.get_potential_energies(), expected["atomic_energies"], atol=1e-7)
        spread = atoms.calc.details["spread"]
        assert spread["energy"] == pytest.approx(expected["spread"]["energy"], abs=1e-7)
        np.testing.assert_allclose(spread["force_components"], expected["spread"]["forces"], atol=1e-6)
        np.testing.assert_allclose(atoms.calc.details["torque"], expected["torque"], atol=1e-6)


def test_random_rotations_follow_seed_stream_and_step():
    atoms = waters()

    def energies(**options):
        with Tumble(TOY, rotate="random", **options) as calc:
            found = []
            for _ in range(3):
                calc.calculate(atoms)
                found.append(calc.results["energy"])
                # A change of parameters loads the model again: the count goes on.
                calc.set(inversion=not calc.parameters["inversion"])
                calc.set(inversion=not calc.parameters["inversion"])
            return found

    first = energies(seed=1)
    assert len(set(first)) == 3
    assert energies(seed=1) == first
    assert energies(seed=1, step=2)[0] == first[2]
    assert energies(seed=2)[0] != first[0] != energies(seed=1, stream=1)[0]


def test_repeated_requests_keep_their_rotation():
    atoms = waters()
    with Tumble(TOY, rotate="random") as atoms.calc:
        before = atoms.get_potential_energy()
        assert atoms.get_forces().shape == (6, 3)
        assert atoms.get_potential_energy() == before
        atoms.calc.reset()
        assert atoms.get_potential_energy() != before


def test_a_correction_is_the_averaged_minus_the_bare_model():
    atoms = waters()
    expected = energy(atoms, rotate="octahedral") - energy(atoms)
    assert energy(atoms, rotate="octahedral", correction=True) == pytest.approx(expected, abs=1e-9)
    assert abs(expected) > 1e-3


def test_both_kinds_of_forces_and_an_ensemble():
    atoms = waters()
    both = TOYS / "both-list-f64.onnx"
    with Tumble(both, forces="conservative") as one, Tumble(both, forces="direct") as other:
        assert np.abs(one.get_forces(atoms) - other.get_forces(atoms)).max() > 1e-3
    with Tumble(TOYS / "ensemble-list-f64.onnx") as calc:
        calc.calculate(atoms)
        members = calc.details["ensemble_energies"]
        assert members.shape == (4,)
        # The toy's members differ by shares with a sum of zero.
        assert members.mean() == pytest.approx(calc.results["energy"], abs=1e-8)


def drift(rotate, step):
    """Largest deviation of the energy during 6 fs of velocity Verlet of one H2O, eV."""
    atoms = Atoms("OH2", [[0.0, 0.0, 0.0], [0.96, 0.1, 0.0], [-0.24, 0.93, 0.05]])
    atoms.set_velocities([[0.0, 0.0, 0.001], [0.03, 0.0, -0.02], [0.0, -0.03, 0.01]])
    with Tumble(WATER, rotate=rotate, seed=1) as atoms.calc:
        start = atoms.get_total_energy()
        away = []
        dynamics = VelocityVerlet(atoms, step * units.fs)
        for _ in dynamics.irun(round(6.0 / step)):
            away.append(abs(atoms.get_total_energy() - start))
    return max(away)


def test_dynamics_conserves_the_averaged_energy_to_second_order():
    coarse, fine = drift("tetrahedral", 0.5), drift("tetrahedral", 0.25)
    assert 3.0 < coarse / fine < 5.0
    # The noise of a new rotation at every step is not an error of the integrator: smaller steps do not reduce it.
    assert drift("random", 0.25) > 2.0 * fine


def test_copies_are_independent_models():
    atoms = waters()
    with Tumble(TOY, rotate="random", seed=1) as calc:
        calc.calculate(atoms)
        twin = copy.deepcopy(calc)
        thawed = pickle.loads(pickle.dumps(calc))
        calc.calculate(atoms)
    for other in (twin, thawed):
        other.calculate(atoms)
        assert other.results["energy"] == calc.results["energy"]
        other.close()


@pytest.mark.parametrize("key", ["replica_energies", "ensemble_energies"])
def test_details_are_in_electron_volts(key):
    """Hartree belong to i-PI's wire only: the weighted mean of each entry is the energy."""
    with Model(TOYS / "ensemble-list-f64.onnx", rotate="octahedral") as model:
        found = model.evaluate(list("OHHOHH"), POSITIONS, CELL)
    weights = found.extras["replica_weights"] if key == "replica_energies" else [0.25] * 4
    assert np.dot(weights, found.extras[key]) == pytest.approx(found.energy, abs=1e-9)
    assert abs(found.energy) > 1.0
    assert not {"o3grid_pots", "committee_pot"} & set(found.extras)


def test_a_given_step_selects_the_rotation():
    with Model(TOY, rotate="random", step=2) as model:
        first = model.evaluate(list("OHHOHH"), POSITIONS, CELL).energy
        assert model.step == 3
        assert model.evaluate(list("OHHOHH"), POSITIONS, CELL).energy != first
        model.step = 2
        assert model.evaluate(list("OHHOHH"), POSITIONS, CELL).energy == first
        with pytest.raises(ValueError, match="step is -1: give a whole number from 0 to 9223372036854775807"):
            model.step = -1
        assert model.step == 3


def test_threads_take_turns():
    atoms = waters()
    with Model(TOY, rotate="octahedral") as model:
        expected = model.evaluate(list("OHHOHH"), POSITIONS, CELL)
        found = []

        def work():
            for _ in range(20):
                found.append(model.evaluate(atoms.numbers.tolist(), POSITIONS, CELL))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 60
    assert all(one.energy == expected.energy and (one.forces == expected.forces).all() for one in found)


def test_a_model_has_a_description():
    with Model(TOY, rotate="octahedral", inversion=True) as model:
        about = model.about
    assert (about["name"], about["species"], about["cutoff"], about["hops"]) == ("harmonic", [1, 8], 3.5, 1)
    assert about["policy"] == "rotate octahedral+inversion: 48 evaluation(s) a step, conservative forces"
    assert library().tumble_version().decode() == version_of_cargo()


def version_of_cargo():
    """The version in Cargo.toml."""
    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


@pytest.mark.parametrize(
    "file, options, sentence",
    [
        ("/nonexistent.onnx", {}, r"cannot read /nonexistent\.onnx: No such file or directory"),
        (TOY, {"rotate": "cubic"}, 'the mitigation "cubic" is unknown: give none, random, '),
        (TOY, {"forces": "direct"}, 'the model "harmonic" offers no direct forces: ask for conservative ones'),
        (
            TOY,
            {"correction": True},
            "correction yes is zero without rotations, as it is averaged minus bare: give rotate",
        ),
        (
            TOY,
            {"stream": 65536},
            'the argument options cannot be used: stream is "65536": give a whole number from 0 to 65535',
        ),
        (TOY, {"seed": -1}, 'the argument options cannot be used: seed is "-1": give a whole number from 0 to'),
        (TOY, {"seed": 2**64}, 'the argument options cannot be used: seed is "18446744073709551616": give a whole'),
        (TOY, {"seed": 1.5}, 'the argument options cannot be used: seed is "1.5": give a whole number'),
        (TOY, {"step": 2**63}, 'step is "9223372036854775808": give a whole number from 0 to 9223372036854775807'),
        (TOY, {"threads": 0}, 'the argument options cannot be used: threads is "0": give a whole number from 1 to'),
        (TOY, {"sha256": "0" * 64}, "has the sha256 [0-9a-f]{64}, but 0{64} was asked for: give the file of that hash"),
        (TOY, {"onnxruntime": "/nonexistent"}, "ONNX Runtime library names /nonexistent|is already loaded from"),
    ],
)
def test_failed_loading_gives_the_reason(file, options, sentence):
    with pytest.raises(ModelError, match=sentence):
        Model(file, **options)


def test_failed_evaluation_gives_the_reason():
    with Model(TOY) as model:
        with pytest.raises(ModelError, match='the model "harmonic" does not know element Au: it knows H, O'):
            model.evaluate(["Au"], [[0, 0, 0]])
        with pytest.raises(ModelError, match="atoms 1 and 2 coincide"):
            model.evaluate(["H", "H"], np.zeros((2, 3)))
        with pytest.raises(ValueError, match=r"positions has the shape \(1, 3\): give \(2, 3\)"):
            model.evaluate(["H", "H"], [[0, 0, 0]])
        for species in ("Xx", 0, 119, -1, 8.0, True, None, b"H", [1]):
            with pytest.raises(ValueError, match="is no element: give a symbol such as O, or an atomic number from 1"):
                model.evaluate([species], [[0, 0, 0]])
        with pytest.raises(ModelError, match="the argument n_atoms is 0: give at least one atom"):
            model.evaluate([], np.zeros((0, 3)))
        with pytest.raises(ModelError, match=r"the position of atom 2 is not finite \(NaN\)"):
            model.evaluate(["H", "H"], [[0, 0, 0], [0, np.nan, 0]])
        with pytest.raises(ModelError, match=r"cell vector c is not finite \(inf\)"):
            model.evaluate(["H"], [[0, 0, 0]], np.diag([5, 5, np.inf]))
        with pytest.raises(ValueError, match=r"cell has the shape \(2, 3\): give \(3, 3\)"):
            model.evaluate(["H"], [[0, 0, 0]], np.zeros((2, 3)))
    with pytest.raises(ModelError, match="the model was closed: load it again"):
        model.evaluate(["H"], [[0, 0, 0]])
    with pytest.raises(ValueError, match="rotate is empty, or has a comma"):
        Model(TOY, rotate="none, seed: 1")
    with pytest.raises(TypeError, match="unexpected keyword argument 'rotation'"):
        Model(TOY, rotation="none")
    with pytest.raises(ValueError, match="unknown parameters"):
        Tumble(TOY).set(rotation="none")


def test_a_missing_library_is_an_import_error():
    program = "import tumble\ntumble.Model('x')"
    environment = {**os.environ, "TUMBLE_LIBRARY": "/nonexistent.so", "PYTHONPATH": str(ROOT / "python/tumble-md")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError: cannot load tumble's library: /nonexistent.so: cannot open shared object file" in done.stderr
    assert "run `make library` and set TUMBLE_LIBRARY" in done.stderr


def test_onnx_runtime_may_be_loaded_by_python_too():
    program = (
        "import onnxruntime, tumble, sys\n"
        f"onnxruntime.InferenceSession({str(TOY)!r}, providers=['CPUExecutionProvider'])\n"
        f"print(tumble.Model({str(TOY)!r}).evaluate(['H', 'O'], [[0, 0, 0], [0, 0, 1.5]]).energy)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python/tumble-md"), "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Model(TOY) as model:
        assert float(done.stdout) == model.evaluate(["H", "O"], [[0, 0, 0], [0, 0, 1.5]]).energy


def test_importing_it_needs_no_numpy():
    program = "import sys, tumble\nassert tumble.__version__\nassert 'numpy' not in sys.modules\ntumble.Client"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python/tumble-md")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert set(tumble.__all__) >= {"Client", "Model", "ServerError"}
    with pytest.raises(AttributeError, match="module 'tumble' has no attribute 'nothing'"):
        _ = tumble.nothing


@pytest.mark.parametrize("value", ["maybe", "", "False", 2])
def test_flags_other_than_yes_and_no_are_refused(value):
    with pytest.raises(ValueError, match=f"inversion is {value!r}: give True or False"):
        Model(TOY, rotate="octahedral", inversion=value)


@pytest.mark.parametrize(
    "value, count", [("yes", 48), ("on", 48), (True, 48), ("no", 24), ("false", 24), (False, 24), (None, 24)]
)
def test_flags_may_be_the_words_of_lammps(value, count):
    with Model(TOY, rotate="octahedral", inversion=value) as model:
        assert model.evaluate("OH", [[0, 0, 0], [0, 0, 1]]).extras["evaluations"] == count


def test_more_threads_than_processors_are_a_warning():
    threads = len(os.sched_getaffinity(0)) + 1
    with pytest.warns(UserWarning, match=f"^{threads} threads share the .* give at most "):
        Model(TOY, threads=threads).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Model(TOY, threads=1).close()
