"""Masses that are those of other elements: a warning, in all unit styles and for masses of single atoms."""

import pytest
from boxes import toy
from lmp import succeed
from test_units import GRAM_PER_MOL, STYLES

BOX = """
units {units}
atom_style {style}
region b block 0 {box} 0 {box} 0 {box}
create_box 2 b
create_atoms 1 single {one} {one} {one} units box
create_atoms 2 single {two} {two} {two} units box
{masses}
neighbor {one} bin
"""


def box(masses, units="metal", style="atomic"):
    """Two atoms of two types; lengths of 1, 2 and 20 Å."""
    angstrom = 1e-10 / STYLES[units].length
    lengths = {"one": angstrom, "two": 2 * angstrom, "box": 20 * angstrom}
    return BOX.format(units=units, style=style, masses=masses, **{name: f"{x:.12g}" for name, x in lengths.items()})


def warnings(folder, script, ranks=1):
    """Those of this kind."""
    output = succeed(folder, script, ranks).output
    return [line for line in output.splitlines() if "masses and elements do not match" in line]


@pytest.mark.parametrize("units", STYLES)
def test_elements_in_the_wrong_order(tmp_path, units):
    dalton = GRAM_PER_MOL / STYLES[units].mass
    script = box(f"mass 1 {15.999 * dalton:.8g}\nmass 2 {1.008 * dalton:.8g}", units)
    assert warnings(tmp_path, script + toy("harmonic-list-f64") + "run 0\n") == []
    swapped = toy("harmonic-list-f64").replace("O H", "H O")
    (line,) = warnings(tmp_path, script + swapped + "run 0\nrun 0\n", 2)
    assert "WARNING" in line
    assert "type 1 is H (mass 1.0080) but has mass 15.9990, type 2 is O (mass 15.9990) but has mass 1.0080" in line
    assert "in the order of the atom types in pair_coeff, or correct the masses" in line


@pytest.mark.parametrize("hydrogen", [1.0, 2.014, 3.016, 4.0])
def test_isotopes_and_heavy_hydrogen(tmp_path, hydrogen):
    script = box(f"mass 1 {16.0 - 2 * (hydrogen - 1)}\nmass 2 {hydrogen}")
    assert warnings(tmp_path, script + toy("harmonic-list-f64") + "run 0\n") == []


@pytest.mark.parametrize("ranks", [1, 2])
def test_masses_of_single_atoms(tmp_path, ranks):
    script = box("set type 1 mass {}\nset type 2 mass {}", style="sphere") + toy("harmonic-list-f64") + "run 0\n"
    assert warnings(tmp_path, script.format(15.999, 1.008), ranks) == []
    (line,) = warnings(tmp_path, script.format(1.008, 15.999), ranks)
    assert "type 1 is O (mass 15.9990) but has mass 1.0080" in line


def test_masses_given_anew_are_looked_at_anew(tmp_path):
    script = box("mass 1 15.999\nmass 2 1.008") + toy("harmonic-list-f64")
    script += "run 0\nmass 1 15.999e-3\nrun 0\nrun 0\nmass 1 15.999\nrun 0\nmass 1 1.0\nrun 0\n"
    found = warnings(tmp_path, script)
    assert ["but has mass 0.0160" in line for line in found] == [True, False]
