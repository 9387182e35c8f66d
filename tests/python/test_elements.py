"""Symbols of elements in users' spellings."""

import pytest
from tumble.elements import atomic_number, runs, symbol


def test_symbols_and_numbers_are_read_in_any_case():
    assert [symbol(name) for name in ("O", "CL", "cl", 8, 118)] == ["O", "Cl", "Cl", "O", "Og"]
    assert [atomic_number(name) for name in ("H", "fe", 26)] == [1, 26, 26]


def test_deuterium_and_tritium_are_hydrogen():
    assert [symbol(name) for name in ("D", "T", "d")] == ["H"] * 3
    assert atomic_number("T") == 1
    # The species in a client's INIT.
    assert runs(["O", "D", "D", "H"]) == "O H3"


@pytest.mark.parametrize("name", ["Xx", "HW1", "", 0, 119, -1])
def test_unknown_elements_are_refused(name):
    with pytest.raises(ValueError, match="is no element: give a symbol such as O, or an atomic number from 1 to 118"):
        symbol(name)
