"""Machine-learned potentials that are not exactly rotation-invariant, averaged over rotations. Units are eV and Å.

`Model` evaluates a model in this process, `Client` uses a force server (`tumble serve`). Both need only NumPy.
`tumble.ase` has calculators for ASE.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tumble.client import Answer, Client, ServerError
    from tumble.model import Evaluation, Model, ModelError

__all__ = ["Answer", "Client", "Evaluation", "Model", "ModelError", "ServerError", "__version__"]

try:
    __version__ = version("tumble-md")
except PackageNotFoundError:
    # A source tree that was not installed.
    __version__ = "0+source"


def __getattr__(name: str) -> Any:
    """Imports a name on first use: LAMMPS and the command line also import this package, but need no NumPy."""
    for module in ("client", "model"):
        if name in __all__ and hasattr(found := import_module(f"tumble.{module}"), name):
            return getattr(found, name)
    raise AttributeError(f"module 'tumble' has no attribute {name!r}")
