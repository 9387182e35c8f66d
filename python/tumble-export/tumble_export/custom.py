"""The adapter of any PyTorch model, from a function `my_module.py:make` (see `adapter.py`)."""

import importlib.util
import sys
from pathlib import Path

from .adapter import Adapter


def make(place):
    """Run a function of a Python file; it returns an `Adapter`."""
    path, _, function = place.rpartition(":")
    if not path:
        raise SystemExit(f"'{place}' names no function: write FILE.py:FUNCTION, as in my_module.py:make.")
    if not Path(path).is_file():
        raise SystemExit(f"there is no file {path}.")
    found = getattr(module(Path(path)), function, None)
    if not callable(found):
        raise SystemExit(f"{path} has no function {function}.")
    made = found()
    if not isinstance(made, Adapter):
        raise SystemExit(f"{function} of {path} returned a {type(made).__name__}, not a tumble_export.adapter.Adapter.")
    return made


def module(path):
    """A Python file, imported under its own name; it can import modules beside it."""
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made
    spec.loader.exec_module(made)
    return made
