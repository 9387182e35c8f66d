"""Templates: species and conditions of an XYZ file, and lines that are no atoms."""

import re

import pytest
from tumble import template


def read(folder, text):
    (folder / "t.xyz").write_text(text)
    return template.read(folder / "t.xyz")


def test_species_are_read_from_their_column(tmp_path):
    assert read(tmp_path, "2\n# CELL(abcABC): 1 2 3\nD 0 0 0\n8 1 2 3\n").species == [1, 8]
    extended = '2\nProperties=pos:R:3:species:S:1:tags:I:1 Lattice="1 0 0 0 1 0 0 0 1"\n0 0 0 o 1\n1 2 3 H 1\n9 9 9 C\n'
    assert read(tmp_path, extended).species == [8, 1]


def test_conditions_are_read(tmp_path):
    found = read(tmp_path, '1\nCharge=-1 spin=2 field="0 0 0.1"\nH 0 0 0\n')
    assert found.conditions == {"charge": -1.0, "spin": 2.0, "field": [0.0, 0.0, 0.1]}
    assert read(tmp_path, "1\nspin of a field\nH 0 0 0\n").conditions == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "t.xyz holds no structure in XYZ format: give the number of atoms in its first line"),
        ("2\n\nH 0 0 0\n", "t.xyz holds no structure in XYZ format: give the number of atoms in its first line"),
        ("1\n\nX 0 0 0\n", "t.xyz has 'X' where the symbol of an element is expected"),
        ("1\n\n\n", "t.xyz has '' where the symbol of an element is expected"),
        ("1\ncharge=anion\nH 0 0 0\n", "charge should be a number, but 'anion' was found"),
    ],
)
def test_other_files_are_refused(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence) + "$"):
        read(tmp_path, text)
