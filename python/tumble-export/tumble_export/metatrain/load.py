"""Loads the PET of a metatrain checkpoint through metatrain's own loader, and finds the data for the contract."""

import contextlib
import importlib.metadata
import os
import warnings
from dataclasses import dataclass, field

import torch

from .. import versions
from ..layers import pin_epsilon
from . import former, published

METATRAIN, OLDEST = "2026.4.1", "2025.12"
ADVICE = f"pip install torch==2.13.0 metatrain=={METATRAIN}"


@dataclass
class Loaded:
    """A model of metatrain with its wrapper."""

    pet: torch.nn.Module
    whole: torch.nn.Module  # the PET, or the ensemble around it
    versions: dict = field(default_factory=dict)
    name: str = "model"


def load(place):
    """Load a checkpoint from `place`: a file, or the name of a published model."""
    version = installed()
    if published.is_name(place):
        path, origin = published.fetch(place)
        return from_file(path, version, origin, origin["published"])
    return from_file(place, version, {}, str(place).rsplit("/", 1)[-1].removesuffix(".ckpt"))


def from_file(path, version, origin, name):
    """Read a checkpoint. It is a pickle: reading it runs the code in it, so only open files whose source you trust."""
    from metatrain.utils.io import model_from_checkpoint  # first: its imports make the pickle readable

    checkpoint = read(path)
    architecture, number = checkpoint["architecture_name"], checkpoint.get("model_ckpt_version")
    try:
        inner = checkpoint["wrapped_model_checkpoint"]["architecture_name"] if architecture == "llpr" else architecture
        if inner != "pet":
            raise SystemExit(f"{path} holds the architecture {inner}: only pet (alone or within llpr) can be exported.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = model_from_checkpoint(checkpoint, context="export")
    except Exception as error:  # metatrain has no errors of its own for checkpoints with missing parts
        raise SystemExit(
            f"metatrain {version} cannot load {path} ({type(error).__name__}: {error}): if the file is complete, "
            "install the version of metatrain that wrote it."
        ) from error
    with known_structure():
        pet = former.present(getattr(whole, "model", whole))
        refuse(pet)
    pin_epsilon(pet)
    found = origin | dict(metatrain=version, checkpoint_version=number, architecture=architecture)
    return Loaded(pet, whole.eval(), found, name)


def installed():
    """Version of metatrain; refused if metatrain is missing or too old, with a warning if the version is untested."""
    try:
        from metatrain import __version__
    except ImportError as error:
        raise SystemExit(f"metatrain is not installed, and its checkpoints need it: {ADVICE}") from error
    versions.check("metatrain", __version__, METATRAIN, OLDEST, ADVICE)
    return __version__


@contextlib.contextmanager
def known_structure():
    """A sentence in place of an error about a part that another version of metatrain stores elsewhere."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ImportError) as error:
        version = importlib.metadata.version("metatrain")
        raise SystemExit(
            f"metatrain {version} builds its PET otherwise than {METATRAIN}, with which this program was tested "
            f"({type(error).__name__}: {error}). {METATRAIN} reads the same checkpoints: {ADVICE}"
        ) from error


def read(path):
    """The checkpoint's dict."""
    if os.path.isdir(path):
        raise SystemExit(f"{path} is a folder: give the .ckpt of mtt train.")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise SystemExit(f"{path} is empty: copy the .ckpt of mtt train again.")
    try:
        checkpoint = torch.load(path, weights_only=False, map_location="cpu")
    except FileNotFoundError as error:
        raise SystemExit(f"there is no file {path}.") from error
    except Exception as error:  # torch raises many kinds of errors for files that are no pickles
        raise SystemExit(f"{path} is not a checkpoint that torch can read; give the .ckpt of mtt train.") from error
    if isinstance(checkpoint, torch.nn.Module):
        raise SystemExit(f"{path} is an exported model and cannot be traced with its gradient: give its .ckpt.")
    if not isinstance(checkpoint, dict) or "architecture_name" not in checkpoint:
        raise SystemExit(f"{path} is no checkpoint of metatrain (it names no architecture); give that of mtt train.")
    return checkpoint


def refuse(pet):
    """Refuse models that the contract cannot express."""
    if pet.long_range:
        raise SystemExit(
            "this PET has long-range interactions, which reach every atom of a structure, and the model contract has "
            "energies of finite reach only: train one with `long_range: enable: false`."
        )


def energy_head(pet, name=None):
    """The target to use for energies."""
    targets = pet.dataset_info.targets
    found = [k for k, t in targets.items() if t.quantity == "energy" and t.is_scalar and len(t.layout) == 1]
    found = [k for k in found if len(targets[k].layout.block(0).properties) == 1]
    if name is not None and name not in found:
        raise SystemExit(f"the model has no energy named {name}: choose --head from {', '.join(found) or 'none'}.")
    if name is None and "energy" not in found and len(found) != 1:
        raise SystemExit(f"the model has several energies: choose one with --head from {', '.join(found) or 'none'}.")
    return name or ("energy" if "energy" in found else found[0])


def force_head(pet, energy):
    """The target of direct forces that goes with an energy; None if there is none."""
    found = [k for k in pet.dataset_info.targets if "non_conservative_force" in k]
    variant = energy.partition("/")[2]
    fitting = [k for k in found if k.partition("/")[2] == variant] or found
    return fitting[0] if len(fitting) == 1 else None


def scale(pet, name):
    """metatrain's scaler for a target: a factor [S, 1] for each species, in the order of `atomic_types`."""
    scaler = pet.scaler.model
    values = scaler.scales[name].block().values.double()
    if scaler.sample_kinds[name] == "per_atom":
        return values[scaler.type_to_index[torch.tensor(pet.atomic_types)]]
    return values[:1].expand(len(pet.atomic_types), -1).clone()


def composition(pet, name):
    """Energy of a free atom by atomic number, in the target's unit."""
    model = pet.additive_models[0]
    if name not in model.outputs:
        return None
    block = model.model.weights[name].block()
    return {int(z): float(v) for z, v in zip(block.samples.values[:, 0], block.values.double()[:, 0])}
