"""Chemical symbols, and lists of species as symbols with counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from numbers import Integral

# Symbol of element Z at SYMBOLS[Z - 1].
SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar "
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe "
    "Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf "
    "Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th "
    "Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs "
    "Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
).split()


# Isotopes with their own symbols. A potential does not depend on masses.
ISOTOPES = {"D": "H", "T": "H"}


def symbol(species: str | int) -> str:
    """The symbol of an element, from its symbol in upper or lower case (D and T are hydrogen) or its atomic number.

    Raises ValueError if there is no such element.
    """
    if isinstance(species, str):
        name = ISOTOPES.get(species.capitalize(), species.capitalize())
        known = name in SYMBOLS
    else:
        # Includes NumPy's integers, but neither 8.0 nor True.
        known = isinstance(species, Integral) and not isinstance(species, bool) and 1 <= species <= len(SYMBOLS)
        name = SYMBOLS[species - 1] if known else ""
    if not known:
        raise ValueError(f"{species!r} is no element: give a symbol such as O, or an atomic number from 1 to 118")
    return name


def atomic_number(species: str | int) -> int:
    """The atomic number of an element, from the same arguments as `symbol`. Raises ValueError if there is none."""
    return SYMBOLS.index(symbol(species)) + 1


def runs(species: Sequence[str | int]) -> str:
    """Symbols with counts: O, H, H, O becomes `O H2 O`."""
    groups = ((name, sum(1 for _ in group)) for name, group in groupby(map(symbol, species)))
    return " ".join(name if count == 1 else f"{name}{count}" for name, count in groups)
