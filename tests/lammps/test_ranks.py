"""1, 2 and 4 ranks, and every domain decomposition, give the same energy, forces and virial."""

import pytest
from boxes import CORNER, REPORT, model, toy, triclinic, water
from lmp import WATER, WATER_F64, assert_close, dump, succeed

MITIGATIONS = ["none", "random", "random:2", "octahedral", "octahedral+random", "legendre:2"]
VIRIAL = ["Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz"]


def evaluate(folder, script, ranks):
    """Energy, forces and the six pressures of a single point."""
    result = succeed(folder, script + REPORT, ranks)
    row, frame = result.thermo()[0], dump(folder / "forces.dump")[0]
    return row["PotEng"], frame["fx"] + frame["fy"] + frame["fz"], [row[name] for name in VIRIAL]


def assert_same(found, expected, tolerance):
    """Energy, forces and virial within a relative tolerance."""
    for one, other in zip(found, expected):
        assert_close(one, other, tolerance)


@pytest.mark.parametrize("inversion", ["no", "yes"])
@pytest.mark.parametrize("rotate", MITIGATIONS)
def test_small_triclinic_box(tmp_path, rotate, inversion):
    script = triclinic() + toy(keywords=f"rotate {rotate} inversion {inversion} seed 3")
    one = evaluate(tmp_path, script, 1)
    for ranks in (2, 4):
        assert_same(evaluate(tmp_path, script, ranks), one, 1e-10)


@pytest.mark.parametrize("name", ["twohop-list-f64", "harmonic-list-f64", "harmonic-padded-f64"])
def test_layouts_and_hops(tmp_path, name):
    script = triclinic() + toy(name, "rotate tetrahedral+random")
    assert_same(evaluate(tmp_path, script, 4), evaluate(tmp_path, script, 1), 1e-10)


@pytest.mark.parametrize("grid", ["1 1 4", "2 2 1", "4 1 1"])
def test_processor_grids(tmp_path, grid):
    script = triclinic() + toy(keywords="rotate random")
    cut = evaluate(tmp_path, triclinic(extra=f"processors {grid}") + toy(keywords="rotate random"), 4)
    assert_same(cut, evaluate(tmp_path, script, 1), 1e-10)


@pytest.mark.parametrize("boundary", ["p p f", "s p p", "f f f"])
def test_mixed_periodicity(tmp_path, boundary):
    script = triclinic(extra=f"boundary {boundary}") + toy(keywords="rotate random")
    assert_same(evaluate(tmp_path, script, 4), evaluate(tmp_path, script, 1), 1e-10)


def test_ranks_without_atoms_and_an_isolated_atom(tmp_path):
    script = CORNER + toy(keywords="rotate octahedral")
    one = evaluate(tmp_path, script, 1)
    assert_same(evaluate(tmp_path, script, 4), one, 1e-10)
    lonely = [one[1][3 + 4 * axis] for axis in range(3)]
    assert lonely == [0.0, 0.0, 0.0]


def test_512_water_molecules(tmp_path):
    script = water(tmp_path, 8) + model(WATER_F64, "rotate random")
    one = evaluate(tmp_path, script, 1)
    for ranks in (2, 4):
        assert_same(evaluate(tmp_path, script, ranks), one, 1e-10)


def test_single_precision_agrees_within_its_own(tmp_path):
    """f32 sums depend on the padding, so ranks agree within that precision only, and less for forces that nearly
    cancel.
    """
    script = water(tmp_path, 4) + model(WATER, "rotate random")
    assert_same(evaluate(tmp_path, script, 2), evaluate(tmp_path, script, 1), 2e-5)
