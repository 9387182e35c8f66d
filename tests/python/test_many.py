"""Many structures at once, in Python and ASE: each has the results that it has alone."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read, write
from tumble import Model, ModelError
from tumble.ase import Tumble

ROOT = Path(__file__).resolve().parents[2]
WATER = ROOT / "examples/models/water-pet-f64.onnx"


def images(count=9):
    """Molecules, pairs and periodic boxes in turn."""
    random = np.random.default_rng(1)
    kinds = [molecule("H2O"), Atoms("H2", [[0, 0, 0], [0, 0, 0.74]]), molecule("H2O", cell=[5, 6, 7], pbc=True)]
    atoms = [kinds[number % 3].copy() for number in range(count)]
    for one in atoms:
        one.rattle(0.02, rng=random)
    return atoms


def given(atoms):
    return atoms.get_chemical_symbols(), atoms.positions, atoms.cell.array * atoms.pbc[:, None]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rotate", ["none", "random", "octahedral"])
def test_a_list_has_the_results_of_its_structures(rotate, threads):
    structures = [given(atoms) for atoms in images()]
    with Model(WATER, rotate=rotate, seed=3, threads=threads) as model:
        together = model.evaluate(structures)
        assert model.step == len(structures)
        model.step = 0
        for found, structure in zip(together, structures, strict=True):
            alone = model.evaluate(*structure)
            assert found.energy == pytest.approx(alone.energy, rel=1e-13)
            for name in ("forces", "virial", "energies"):
                np.testing.assert_allclose(getattr(found, name), getattr(alone, name), rtol=1e-11, atol=1e-11)
            assert (found.energy_spread is None) == (rotate != "octahedral")
            if found.energy_spread is not None:
                assert found.force_spread == pytest.approx(alone.force_spread, rel=1e-6)
                np.testing.assert_allclose(found.force_spreads, alone.force_spreads, atol=1e-7)
                np.testing.assert_allclose(found.energy_spreads, alone.energy_spreads, atol=1e-7)
            assert found.extras.keys() == alone.extras.keys()


def test_structures_may_come_from_a_generator():
    with Model(WATER) as model, Tumble(WATER) as calculator:
        found = model.evaluate(given(atoms) for atoms in images(3))
        atoms = images(3)
        calculator.calculate_many(one for one in atoms)
        energies = [one.get_potential_energy() for one in atoms]
        assert [one.energy for one in found] == pytest.approx(energies, rel=1e-13)
        with pytest.raises(TypeError, match="images is a single Atoms: give a list of them"):
            calculator.calculate_many(atoms[0])


def test_wrong_arrays_name_the_structure():
    structures = [given(atoms) for atoms in images(3)]
    structures[1] = (["H"], [[0.0, 0.0]])
    with Model(WATER) as model, pytest.raises(ValueError, match=r"^structures\[1\]: positions has the shape"):
        model.evaluate(structures)
    atoms = images(3)
    atoms[2].pbc, atoms[2].cell = True, None
    with Tumble(WATER) as calculator, pytest.raises(ValueError, match=r"^structures\[2\]: pbc repeats"):
        calculator.calculate_many(atoms)


def test_an_empty_list_has_no_results():
    with Model(WATER) as model:
        assert model.evaluate([]) == []
        assert model.step == 0


def test_errors_name_the_structure():
    structures = [given(atoms) for atoms in images()]
    structures[4] = (["H", "H"], np.zeros((2, 3)))
    with Model(WATER) as model:
        with pytest.raises(ModelError, match=r"^structures\[4\]: atoms 1 and 2 coincide .*atoms\[0\] is H"):
            model.evaluate(structures)
        assert model.step == 0
        structures[4] = (["Au"], [[0, 0, 0]])
        with pytest.raises(ModelError, match=r'^structures\[4\]: the model ".*" does not know element Au'):
            model.evaluate(structures)
        structures[4] = (["H"], [[0, np.nan, 0]])
        with pytest.raises(ModelError, match=r"^structures\[4\]: the position of atom 1 is not finite"):
            model.evaluate(structures)
        structures[4] = (["H"], np.zeros((2, 3)))
        with pytest.raises(ValueError, match=r"positions has the shape \(2, 3\): give \(1, 3\)"):
            model.evaluate(structures)
        with pytest.raises(ValueError, match=r"structures\[0\] is 'O': give \(species, positions\)"):
            model.evaluate(["O", "H", "H"])
        with pytest.raises(ValueError, match="cell is given without positions"):
            model.evaluate(structures, cell=np.eye(3))
        # It can be used again.
        assert len(model.evaluate(structures[:4])) == 4


@pytest.mark.parametrize("options", [{"rotate": "random", "seed": 2}, {"rotate": "octahedral", "inversion": True}])
def test_calculate_many_fills_the_results_of_each_atoms(tmp_path, options):
    atoms = images()
    with Tumble(WATER, **options) as calc:
        calc.calculate_many(atoms)
        assert calc.step == len(atoms)
        calc.set(step=0)
        for one in atoms:
            alone = one.copy()
            alone.calc = calc
            assert one.get_potential_energy() == pytest.approx(alone.get_potential_energy(), rel=1e-13)
            np.testing.assert_allclose(one.get_forces(), alone.get_forces(), atol=1e-11)
            np.testing.assert_allclose(one.get_potential_energies(), alone.get_potential_energies(), atol=1e-11)
            assert one.calc.results.keys() == calc.results.keys()
            assert one.calc.details.keys() == calc.details.keys()
            if one.pbc.all():
                np.testing.assert_allclose(one.get_stress(), alone.get_stress(), atol=1e-12)
    write(tmp_path / "out.xyz", atoms)
    again = read(tmp_path / "out.xyz", ":")
    assert again[2].get_potential_energy() == pytest.approx(atoms[2].get_potential_energy(), abs=1e-6)
    atoms[0].positions[0] += 0.1
    with pytest.raises(PropertyNotImplementedError):
        atoms[0].get_potential_energy()


def test_an_error_leaves_all_atoms_as_they_were():
    atoms = images()
    atoms[5] = Atoms("Au")
    with Tumble(WATER) as calc:
        with pytest.raises(ModelError, match=r"structures\[5\]: "):
            calc.calculate_many(atoms)
        assert all(one.calc is None for one in atoms) and calc.step == 0
        atoms[5] = Atoms("H", pbc=True)
        with pytest.raises(ValueError, match="pbc repeats the structure along a, but that cell vector is zero"):
            calc.calculate_many(atoms)
        calc.calculate_many([])
