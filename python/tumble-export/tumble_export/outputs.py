"""A model's outputs besides energy and forces, as a dipole: how they are declared, and their values of a structure."""

import re

import numpy as np

SHAPES = {"scalar": (), "vector": (3,), "tensor": (3, 3)}
PER = ("atom", "structure")
# units and names as in crates/tumble-core/src/outputs.rs
UNITS = ("e", "e*angstrom", "e*bohr", "debye", "angstrom^3", "bohr^3", "eV", "hartree", "bohr_magneton")
TAKEN = {
    *("atomic_energies", "cell", "charge", "edge_gradients", "energies", "energy", "ensemble_energies", "evaluations"),
    *("field", "force", "forces", "free_energy", "members", "output_units", "outputs", "raw", "replica_energies"),
    *("replica_weights", "residual_torque", "spin", "spread", "step", "stress", "stresses", "torque", "uncertainty"),
    *("virial", "virials"),
    *("element", "id", "initial_charges", "initial_magmoms", "lattice", "masses", "momenta", "move_mask", "numbers"),
    *("pbc", "pos", "positions", "properties", "species", "symbols", "tags", "z"),
    *("centers", "edge_vectors", "mask", "neighbors", "replica", "reverse", "slots", "volume", "weights"),
}
PREFIXES = ("ref_", "committee_", "member_", "o3grid_")
SUFFIXES = ("_spread", "_deviation", "_deviations")


def check(declared):
    """Refuse a declaration that makes no sense; `declared`: name -> {per, law, unit}."""
    if not isinstance(declared, dict):
        raise SystemExit(
            f"the adapter has outputs={declared!r}: give a dict, as in "
            "{'dipole': {'per': 'structure', 'law': 'vector', 'unit': 'e*angstrom'}}."
        )
    for name, entry in declared.items():
        if not is_free(name):
            raise SystemExit(
                f"an output is declared with the name {name!r}: take small letters, digits and _, as in 'dipole', and "
                "not the name of another result, key or input."
            )
        if not makes_sense(entry):
            raise SystemExit(
                f"the output {name} is declared as {entry!r}: give {{'per': {' or '.join(map(repr, PER))}, 'law': "
                f"{' or '.join(map(repr, SHAPES))}}} and, if it is one of {', '.join(UNITS)}, 'unit'."
            )


def is_free(name):
    """Whether an output may have this name."""
    plain = isinstance(name, str) and re.fullmatch("[a-z][a-z0-9_]*", name)
    return bool(plain) and name not in TAKEN and not name.startswith(PREFIXES) and not name.endswith(SUFFIXES)


def makes_sense(entry):
    """Whether a declaration has a known law for atoms or structures, and a known unit or none."""
    if not isinstance(entry, dict) or set(entry) - {"per", "law", "unit"}:
        return False
    return entry.get("per") in PER and entry.get("law") in tuple(SHAPES) and entry.get("unit") in (None, *UNITS)


def missing(declared, found, count):
    """Refuse declared outputs that a module does not return, or in another shape; `found`: its outputs by name, for
    `count` centers.
    """
    for name, entry in declared.items():
        if name not in found:
            raise SystemExit(
                f"the output {name} is declared, but the module returns {', '.join(found)}: return a dict with it too."
            )
        shape, expected = list(found[name].shape), [count, *SHAPES[entry["law"]]]
        if shape != expected:
            raise SystemExit(
                f"the output {name} of {count} atoms has the shape {shape} where {expected} was expected: return a "
                f"{entry['law']} for each atom, also of an output of the structure, which is their sum."
            )
        if not found[name].is_floating_point():
            raise SystemExit(
                f"the output {name} is of {str(found[name].dtype).removeprefix('torch.')}: return real numbers, as by "
                ".to(edge_vectors.dtype)."
            )


def values(declared, found):
    """Values of a structure by name, from those of its atoms: their sum, or all of them."""
    whole = {name: np.asarray(found[name], np.float64) for name in declared if name in found}
    return {name: rows.sum(0) if declared[name]["per"] == "structure" else rows for name, rows in whole.items()}


def comparable(declared, answer, structure):
    """Refuse the outputs in an answer of a source that are not declared, or have another shape."""
    for name, given in answer.outputs.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise SystemExit(
                f"source returned the output {name}, but the adapter declares {known}: add it to outputs, or leave it "
                "out of the Answer."
            )
        law, per = declared[name]["law"], declared[name]["per"]
        expected = [*([len(structure.numbers)] if per == "atom" else []), *SHAPES[law]]
        if list(np.shape(given)) != expected:
            raise SystemExit(
                f"source returned the output {name} of {structure.name} in the shape {list(np.shape(given))} where "
                f"{expected} was expected: it is a {law} of {'each atom' if per == 'atom' else 'the structure'}."
            )
