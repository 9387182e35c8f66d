"""Loads the PET of a metatrain checkpoint through metatrain's own loader, and finds the data for the contract."""

import warnings
from dataclasses import dataclass, field

import torch

from ..layers import pin_epsilon

METATRAIN = "2026.4"  # prefix of the tested versions
ADVICE = "pip install torch==2.13.0 metatrain==2026.4.1"


@dataclass
class Loaded:
    """A model of metatrain with its wrapper."""

    pet: torch.nn.Module
    whole: torch.nn.Module  # the PET, or the ensemble around it
    versions: dict = field(default_factory=dict)


def load(path):
    """Read a checkpoint. It is a pickle: reading it runs the code in it, so only open files whose source you trust."""
    version = installed()
    from metatrain.utils.io import model_from_checkpoint  # first: its imports make the pickle readable

    checkpoint = read(path)
    name, number = checkpoint["architecture_name"], checkpoint.get("model_ckpt_version")
    inner = checkpoint["wrapped_model_checkpoint"]["architecture_name"] if name == "llpr" else name
    if inner != "pet":
        raise SystemExit(f"{path} holds the architecture {inner}: only pet (alone or within llpr) can be exported.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = model_from_checkpoint(checkpoint, context="export")
    except (RuntimeError, KeyError) as error:
        raise SystemExit(f"metatrain {version} cannot load {path}: {error}") from error
    pet = getattr(whole, "model", whole)
    refuse(pet)
    pin_epsilon(pet)
    return Loaded(pet, whole.eval(), dict(metatrain=version, checkpoint_version=number, architecture=name))


def installed():
    """Version of metatrain; refused if metatrain is missing or the version is untested."""
    try:
        from metatrain import __version__
    except ImportError as error:
        raise SystemExit(f"metatrain is not installed, and its checkpoints need it: {ADVICE}") from error
    if not __version__.startswith(METATRAIN):
        raise SystemExit(f"metatrain {__version__} was not tested with this program, {METATRAIN} was: {ADVICE}")
    return __version__


def read(path):
    """The checkpoint's dict."""
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
