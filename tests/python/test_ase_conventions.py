"""ASE's other uses of a calculator: copies, files, constraints, derivatives, changed parameters."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError, all_properties
from ase.calculators.fd import calculate_numerical_forces
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import read, write
from ase.io.trajectory import Trajectory
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS, FIRE
from ase.vibrations import Vibrations
from tumble import ModelError
from tumble.ase import Tumble

TOYS = Path(__file__).resolve().parents[2] / "tests/data/models"
TOY = TOYS / "harmonic-padded-f64.onnx"
POSITIONS = [[0.1, 0.0, 0.2], [0.9, 0.6, 0.2], [-0.6, 0.7, 0.1], [2.7, 0.3, 0.4], [3.3, 0.9, 0.0], [2.4, -0.5, 0.9]]
CELL = [[5.0, 0.0, 0.0], [0.7, 4.5, 0.0], [-0.3, 0.4, 5.5]]


def waters(pbc=True):
    """Two water molecules."""
    return Atoms("OH2OH2", POSITIONS, cell=CELL, pbc=pbc)


@pytest.fixture
def atoms():
    """Two molecules averaged over a grid."""
    atoms = waters()
    with Tumble(TOY, rotate="octahedral", inversion=True) as atoms.calc:
        yield atoms


@pytest.mark.parametrize(
    "model, options, sentence",
    [
        ("nofile.onnx", {}, "cannot read nofile.onnx: No such file or directory"),
        (TOY, {"rotate": "cubic"}, 'the mitigation "cubic" is unknown'),
        (TOY, {"correction": True}, "correction yes is zero without rotations"),
        (TOY, {"forces": "direct"}, 'the model "harmonic" offers no direct forces'),
        (TOY, {"stream": -1}, 'stream is "-1"'),
    ],
)
def test_the_constructor_fails_if_the_model_cannot_be_loaded(model, options, sentence):
    with pytest.raises(ModelError, match=sentence):
        Tumble(model, **options)


def test_a_refused_parameter_changes_nothing(atoms):
    energy = atoms.get_potential_energy()
    with pytest.raises(ModelError, match='the mitigation "cubic" is unknown'):
        atoms.calc.set(rotate="cubic")
    assert atoms.calc.parameters["rotate"] == "octahedral"
    assert atoms.calc.results["energy"] == energy == atoms.get_potential_energy()
    assert atoms.calc.step == 1


def test_results_have_the_keys_of_ase_and_no_others(atoms, tmp_path):
    energy = atoms.get_potential_energy()
    assert set(atoms.calc.results) == set(Tumble.implemented_properties) <= set(all_properties)
    assert {"spread", "torque", "evaluations", "replica_energies", "replica_weights"} == set(atoms.calc.details)
    frozen = SinglePointCalculator(atoms, **atoms.calc.results)
    assert frozen.get_potential_energy(atoms) == energy
    np.testing.assert_array_equal(frozen.get_stress(atoms), atoms.get_stress())
    write(tmp_path / "a.extxyz", atoms)
    back = read(tmp_path / "a.extxyz")
    assert back.get_potential_energy() == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(back.get_forces(), atoms.get_forces(), atol=1e-6)
    np.testing.assert_allclose(back.get_stress(), atoms.get_stress(), atol=1e-6)


def test_trajectories_keep_results_and_parameters(atoms, tmp_path):
    energy = atoms.get_potential_energy()
    with Trajectory(tmp_path / "a.traj", "w") as trajectory:
        trajectory.write(atoms)
    back = read(tmp_path / "a.traj")
    assert back.get_potential_energy() == energy
    np.testing.assert_array_equal(back.get_forces(), atoms.get_forces())
    np.testing.assert_array_equal(back.get_potential_energies(), atoms.get_potential_energies())
    assert back.calc.name == "tumble"
    assert back.calc.parameters == {"model": str(TOY), "rotate": "octahedral", "inversion": True}
    with Tumble(**back.calc.parameters) as again:
        assert again.get_potential_energy(back) == energy
    assert atoms.calc.step == 1


def test_a_molecule_has_no_stress_and_a_slab_neither():
    for pbc in (False, [True, True, False]):
        atoms = waters(pbc)
        with Tumble(TOY) as atoms.calc:
            for _ in range(3):
                with pytest.raises(PropertyNotImplementedError):
                    atoms.get_stress()
            with pytest.raises(PropertyNotImplementedError):
                atoms.get_dipole_moment()
            atoms.get_forces()
            # Asking in vain costs nothing, and leaves the rotation as it is.
            assert atoms.calc.step == 1


def test_constraints_work_as_in_ase(atoms):
    free = atoms.get_forces()
    atoms.set_constraint(FixAtoms([0, 3]))
    held = atoms.get_forces()
    assert (held[[0, 3]] == 0.0).all()
    np.testing.assert_array_equal(held[[1, 2, 4, 5]], free[[1, 2, 4, 5]])
    np.testing.assert_array_equal(atoms.get_forces(apply_constraint=False), free)
    assert atoms.calc.step == 1


def test_a_failed_evaluation_leaves_no_earlier_results(atoms):
    atoms.get_potential_energy()
    broken = waters()
    broken.positions[1] = broken.positions[0]
    for ask in (atoms.calc.calculate, atoms.calc.get_potential_energy):
        with pytest.raises(ModelError, match="coincide"):
            ask(broken)
        assert atoms.calc.results == {}
    with pytest.raises(ModelError, match="coincide"):
        atoms.calc.get_potential_energy(broken)
    assert np.isfinite(atoms.get_potential_energy())


def test_errors_name_atoms_as_ase_counts_them_with_their_neighbors():
    def sentence(change, pbc=True, model=TOY):
        atoms = waters(pbc)
        change(atoms)
        with Tumble(model) as atoms.calc, pytest.raises(ModelError) as caught:
            atoms.get_potential_energy()
        return str(caught.value)

    def coincide(atoms):
        atoms.positions[4] = atoms.positions[2] + CELL[1]

    found = sentence(coincide)
    assert found.startswith("atoms 3 and 5 coincide")
    assert found.endswith("(in Python: atoms[2] is H, 0.00 Å from atoms[4], H; atoms[4] is H, 0.00 Å from atoms[2], H)")

    def lost(atoms):
        atoms.positions[3, 1] = np.nan

    found = sentence(lost)
    assert found.startswith("the position of atom 4 is not finite (NaN): check the structure")
    assert found.endswith("(in Python: atoms[3] is O)")

    def close(atoms):
        atoms.positions[5] = atoms.positions[3] + [0.0, 0.0, 0.3]

    found = sentence(close, False, TOYS / "bad-nan.onnx")
    assert 'the model "nan" gave NaN in atomic_energies at index [0]' in found
    assert "; the closest are atoms 4 and 6 (distance 0.300 Å)" in found
    assert found.endswith("; atoms[3] is O, 0.30 Å from atoms[5], H; atoms[5] is H, 0.30 Å from atoms[3], O)")
    assert "at index [0] (atom 1):" in found and "(in Python: atoms[0] is O" in found


def test_steps_can_be_set_and_structures_compared_under_one_rotation():
    atoms = waters()
    with Tumble(TOY, rotate="random", seed=5) as atoms.calc:
        first = atoms.get_potential_energy()
        assert (atoms.get_potential_energy(), atoms.calc.step) == (first, 1)
        atoms.calc.set(step=0)
        assert (atoms.get_potential_energy(), atoms.calc.step) == (first, 1)

        def energy(displaced):
            atoms.calc.set(step=0)
            return atoms.calc.get_potential_energy(displaced)

        atoms.calc.set(step=0)
        force = atoms.get_forces()[1, 0]
        forward, backward = atoms.copy(), atoms.copy()
        forward.positions[1, 0] += 1e-4
        backward.positions[1, 0] -= 1e-4
        assert (energy(backward) - energy(forward)) / 2e-4 == pytest.approx(force, abs=1e-6)
        # Where each has a rotation of its own, the difference is noise.
        noisy = atoms.calc.get_potential_energy(backward) - atoms.calc.get_potential_energy(forward)
        assert abs(noisy / 2e-4 - force) > 1.0


COMPARES = 'compares energies or forces of several structures, but rotate="random" turns each evaluation differently'


@pytest.mark.parametrize("optimizer", [BFGS, FIRE])
def test_an_optimizer_with_random_rotations_brings_one_warning(optimizer):
    atoms = waters()
    with Tumble(TOY, rotate="random") as atoms.calc, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer(atoms, logfile=None).run(fmax=1e-9, steps=3)
        optimizer(atoms, logfile=None).run(fmax=1e-9, steps=3)
    sentences = [str(one.message) for one in caught if one.category is UserWarning]
    assert len(sentences) == 1
    assert sentences[0].startswith(f'{optimizer.__name__} {COMPARES}: use a grid, as rotate="octahedral"')


def test_finite_differences_with_random_rotations_bring_a_warning(tmp_path):
    atoms = Atoms("OH2", [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
    with Tumble(TOY, rotate="octahedral+random") as atoms.calc:
        with pytest.warns(UserWarning, match="ase.calculators.fd compares energies or forces of several structures"):
            calculate_numerical_forces(atoms, eps=1e-3)
    with Tumble(TOY, rotate="random") as atoms.calc:
        with pytest.warns(UserWarning, match="ase.vibrations.* compares energies or forces of several structures"):
            Vibrations(atoms, name=tmp_path / "vib", indices=[1]).run()


@pytest.mark.parametrize("rotate", ["random", "octahedral"])
def test_dynamics_and_grids_bring_no_warning(rotate):
    atoms = waters()
    with Tumble(TOY, rotate=rotate) as atoms.calc, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        VelocityVerlet(atoms, 0.1 * units.fs).run(2)
        Langevin(atoms, 0.1 * units.fs, temperature_K=300, friction=0.01).run(2)
        atoms.get_forces()
        if rotate == "octahedral":
            BFGS(atoms, logfile=None).run(fmax=1e-9, steps=2)
            calculate_numerical_forces(atoms, eps=1e-3)
