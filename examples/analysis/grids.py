"""The averages compared in the examples: name in the tables, `rotate`, inversion.

The paper's grid of order L, "2" or "3i", is i-PI's `legendre:L`; i is inversion.
"""

GRIDS = [
    ("none", "none", False),
    ("i", "none", True),
    ("T", "tetrahedral", False),
    ("Ti", "tetrahedral", True),
    ("2", "legendre:2", False),
    ("2i", "legendre:2", True),
    ("O", "octahedral", False),
    ("Oi", "octahedral", True),
    ("I", "icosahedral", False),
    ("Ii", "icosahedral", True),
    ("3", "legendre:3", False),
    ("3i", "legendre:3", True),
]
