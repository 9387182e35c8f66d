"""Orb models through the package `orb-models`: an architecture of its table by name, and weights from a local file."""

import importlib.metadata
import inspect
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import torch

from .. import versions
from ..layers import pin_epsilon
from . import package
from .refuse import refuse

TESTED, OLDEST = ("0.5.5", "0.7.0"), "0.5"
ADVICE = f"pip install torch==2.13.0 orb-models=={TESTED[sys.version_info >= (3, 12)]}"


@dataclass
class Loaded:
    """A regressor of orb-models with its weights and its edges."""

    regressor: torch.nn.Module
    edges: package.Edges
    name: str
    versions: dict = field(default_factory=dict)


def load(place, weights=None, seed=None):
    """Load a model from `place`, a name of the package's table or a file of weights named after one.

    `weights`: a file of weights for a name; `seed`: random weights instead.
    """
    version = installed()
    name = known(place)
    if weights is None and Path(place).is_file():
        weights = place
    if seed is not None and weights is not None:
        raise SystemExit(f"weights are given by {weights} and at random: leave out one of the two.")
    regressor, edges = architecture(name, seed or 0)
    refuse(regressor, name)
    if seed is None and weights is None:
        raise SystemExit(missing(name))
    if weights is not None:
        fill(regressor, read(weights), name, weights)
    pin_epsilon(regressor)
    origin = f"random weights, seed {seed}" if weights is None else Path(weights).name
    return Loaded(regressor.eval(), edges, name, {"orb-models": version, "architecture": name, "weights": origin})


def installed():
    """Version of orb-models; refused if the package is missing or too old, with a warning if it is untested."""
    try:
        version = importlib.metadata.version("orb-models")
    except importlib.metadata.PackageNotFoundError as error:
        raise SystemExit(f"orb-models is not installed, and its architectures are needed: {ADVICE}") from error
    versions.check("orb-models", version, TESTED, OLDEST, ADVICE)
    return version


def table():
    """The package's functions by the names of models, without withdrawn models."""
    from orb_models.forcefield.pretrained import ORB_PRETRAINED_MODELS

    return {k: make for k, make in ORB_PRETRAINED_MODELS.items() if "precision" in inspect.signature(make).parameters}


def known(place):
    """The given name of the table, or the longest one at the beginning of a file's name."""
    names, file = table(), Path(place).name
    found = [name for name in names if file == name or (Path(place).is_file() and file.startswith(name))]
    if found:
        return max(found, key=len)
    if Path(place).is_file():
        raise SystemExit(
            f"the name of {place} does not begin with that of an Orb model, so its architecture is unknown: write "
            f"tumble-export orb NAME --weights {place}, where NAME is one of {', '.join(names)}."
        )
    raise SystemExit(
        f"'{place}' is no file and no Orb model of orb-models {installed()}; models are {', '.join(names)}."
    )


def missing(name):
    """Advice for a model without weights."""
    address = inspect.signature(table()[name]).parameters["weights_path"].default
    return (
        f"the weights of {name} are not given, and nothing is downloaded here: fetch {address} and give it by "
        "--weights FILE, or try the architecture with --random-weights SEED."
    )


def architecture(name, seed=0):
    """The regressor of a name with random weights, and its edges: the package's own function, without loading."""
    from orb_models.forcefield import pretrained

    with torch.random.fork_rng(), mock.patch.object(pretrained, "load_model", lambda model, *_, **__: model):
        torch.manual_seed(seed)
        regressor, edges = package.parts(table()[name](device="cpu"))
    return regressor.float(), edges


def read(path):
    """A state dict, read as tensors only: no code in the file is run."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SystemExit(f"there is no file {path}.") from error
    except Exception as error:  # torch raises many kinds of errors for files without tensors
        raise SystemExit(f"{path} is not a file of weights that torch can read: give a published .ckpt.") from error
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise SystemExit(f"{path} holds no state dict: save model.state_dict(), as the published files do.")
    return found


def fill(regressor, weights, name, path):
    """Put weights into a regressor by the package's own function, but refuse missing heads (the package does not)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            bad = package.load_state_dict(regressor, weights)
        except (RuntimeError, AssertionError) as error:
            raise SystemExit(f"the weights of {path} are not those of {name}: {error}") from error
    empty = [key for key in bad.missing_keys if key.startswith(("heads.energy.", "heads.forces."))]
    if empty:
        raise SystemExit(f"the weights of {path} are not those of {name}: {empty[0]} and {len(empty) - 1} more miss.")
