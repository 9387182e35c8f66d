"""Committees in Python and ASE, against their models evaluated alone."""

import copy
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from tumble import Model, ModelError
from tumble.ase import Tumble

TOYS = Path(__file__).resolve().parents[2] / "tests/data/models"
FILES = [TOYS / f"{name}.onnx" for name in ("harmonic-list-f64", "pair-padded-f64", "twohop-list-f64")]
OPTIONS = {"rotate": "octahedral", "inversion": True}


def waters():
    """Two molecules in a skewed periodic cell."""
    positions = [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0], [2.5, 2.4, 0.3], [3.4, 2.2, 0.1], [2.2, 3.3, 0.6]]
    return Atoms("OH2OH2", positions, cell=[[5, 0, 0], [1, 5, 0], [0, 0.5, 5]], pbc=True)


def alone(file, atoms, **options):
    """Energy, forces and virial of one model."""
    with Model(file, **options) as model:
        found = model.evaluate(atoms.numbers.tolist(), atoms.positions, atoms.cell.array)
    return found.energy, found.forces, found.virial


@pytest.mark.parametrize("rotate", ["none", "octahedral", "random:3"])
def test_results_are_means_and_deviations_of_the_models(rotate):
    atoms, options = waters(), {"rotate": rotate, "seed": 3}
    energies, forces, virials = map(np.array, zip(*(alone(file, atoms, **options) for file in FILES), strict=True))
    with Tumble(FILES, **options) as calc:
        calc.calculate(atoms)
    assert calc.results["energy"] == pytest.approx(energies.mean(), rel=1e-13)
    np.testing.assert_allclose(calc.results["forces"], forces.mean(axis=0), atol=1e-13)
    details = calc.details
    assert details["energy_deviation"] == pytest.approx(energies.std(ddof=1), rel=1e-12)
    np.testing.assert_allclose(details["ensemble_energies"], energies, rtol=1e-13)
    np.testing.assert_allclose(details["member_forces"], forces, atol=1e-13)
    np.testing.assert_allclose(details["member_virials"], virials, atol=1e-13)
    # DeePMD-kit's max_devi_f: standard deviation of each component with the divisor M, then the norm.
    deviations = np.linalg.norm(forces.std(axis=0), axis=1)
    np.testing.assert_allclose(details["force_deviations"], deviations, atol=1e-13)
    assert details["max_force_deviation"] == details["force_deviations"].max()


def test_models_of_a_list_are_loaded_again_by_a_copy():
    atoms = waters()
    with Tumble(FILES, **OPTIONS) as calc:
        calc.calculate(atoms)
        with copy.deepcopy(calc) as twin:
            twin.calculate(atoms)
    assert twin.results["energy"] == calc.results["energy"]
    assert twin.details["max_force_deviation"] == calc.details["max_force_deviation"]


def test_a_list_of_one_file_is_a_single_model():
    atoms = waters()
    with Tumble(FILES[:1]) as calc:
        calc.calculate(atoms)
    assert calc.results["energy"] == alone(FILES[0], atoms)[0]
    assert "max_force_deviation" not in calc.details and "ensemble_energies" not in calc.details


def test_about_counts_the_models():
    with Model(FILES) as committee, Model(FILES[0]) as single:
        assert (committee.about["members"], single.about["members"]) == (3, 0)
        assert committee.about["origin"].count("sha256 ") == 3


@pytest.mark.parametrize(
    "files, sentence",
    [
        ([FILES[0], FILES[0]], "are the same model: give each model of a committee once"),
        ([FILES[0], TOYS / "direct-list-f64.onnx"], 'the model "direct" does not fit into the committee: it offers'),
    ],
)
def test_files_that_do_not_fit_together(files, sentence):
    with pytest.raises(ModelError, match=sentence):
        Model(files)


def test_empty_list_is_refused():
    with pytest.raises(
        ValueError, match="the list of models is empty: give the file of a model, or those of a committee"
    ):
        Model([])
