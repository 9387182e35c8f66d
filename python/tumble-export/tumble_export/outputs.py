"""A model's outputs besides energy and forces, as a dipole: how they are declared, and their values of a structure."""

import numpy as np

SHAPES = {"scalar": (), "vector": (3,), "tensor": (3, 3)}
PER = ("atom", "structure")
# the names of crates/tumble-core/src/outputs.rs
UNITS = ("e", "e*angstrom", "e*bohr", "debye", "angstrom^3", "bohr^3", "eV", "hartree", "bohr_magneton")


def check(declared):
    """Refuse a declaration that makes no sense; `declared`: name -> {per, law, unit}."""
    for name, entry in declared.items():
        unknown = set(entry) - {"per", "law", "unit"}
        right = entry.get("per") in PER and entry.get("law") in SHAPES and entry.get("unit") in (None, *UNITS)
        if unknown or not right:
            raise SystemExit(
                f"the output {name} is declared as {entry}: give {{'per': {' or '.join(map(repr, PER))}, 'law': "
                f"{' or '.join(map(repr, SHAPES))}}} and, if it is one of {', '.join(UNITS)}, 'unit'."
            )


def missing(declared, found):
    """Refuse declared outputs that a module does not return, or in another shape; `found`: its outputs by name."""
    for name, entry in declared.items():
        if name not in found:
            raise SystemExit(
                f"the output {name} is declared, but the module returns {', '.join(found)}: return it too."
            )
        shape, expected = tuple(found[name].shape[1:]), SHAPES[entry["law"]]
        if shape != expected:
            raise SystemExit(
                f"the output {name} has the shape [C{''.join(f', {n}' for n in shape)}], but a {entry['law']} has "
                f"[C{''.join(f', {n}' for n in expected)}]: the module returns a value for each center, also of an "
                "output of the structure, which is their sum."
            )


def values(declared, found):
    """Values of a structure by name, from those of its atoms: their sum, or all of them."""
    whole = {name: np.asarray(found[name], np.float64) for name in declared if name in found}
    return {name: rows.sum(0) if declared[name]["per"] == "structure" else rows for name, rows in whole.items()}
