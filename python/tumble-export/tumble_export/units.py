"""Names of units in the model contract, and their spellings in other programs."""

LENGTHS = {"angstrom": "angstrom", "a": "angstrom", "å": "angstrom", "bohr": "bohr", "nm": "nm", "nanometer": "nm"}
ENERGIES = {"ev": "eV", "hartree": "hartree", "ha": "hartree", "kcal/mol": "kcal/mol", "kj/mol": "kJ/mol"}
# the values of crates/tumble-core/src/units.rs; their sources are there
EV = {"eV": 1.0, "hartree": 27.211386245981, "kJ/mol": 1.0 / 96.48533212331002, "kcal/mol": 4.184 / 96.48533212331002}
ANGSTROM = {"angstrom": 1.0, "bohr": 0.529177210544, "nm": 10.0}


def length(name):
    """The contract's name of a unit of length."""
    if name.lower() not in LENGTHS:
        raise SystemExit(f"the unit of length '{name}' is not one of the model contract: {', '.join(ANGSTROM)}.")
    return LENGTHS[name.lower()]


def energy(name):
    """The contract's name of a unit of energy."""
    if name.lower() not in ENERGIES:
        raise SystemExit(f"the unit of energy '{name}' is not one of the model contract: {', '.join(EV)}.")
    return ENERGIES[name.lower()]
