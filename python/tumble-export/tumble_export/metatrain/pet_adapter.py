"""The adapter of a checkpoint of metatrain's PET."""

import copy

import torch

from .. import units
from ..adapter import Adapter
from . import load
from .pet import AdaptivePet, MetatrainPet, StateEmbedding


def make(place, head=None, kind="conservative", charge=None, spin=None):
    """The adapter of a checkpoint; `head` selects one of its energies, `kind` the kind of forces."""
    loaded = load.load(place)
    with load.known_structure():
        return adapt(loaded, head, kind, charge, spin)


def adapt(loaded, head=None, kind="conservative", charge=None, spin=None):
    """The adapter of a loaded model."""
    pet, energy = loaded.pet, load.energy_head(loaded.pet, head)
    note_units(pet, energy)
    direct = direct_head(pet, energy) if kind != "conservative" else None
    heads = {"atomic_energies": energy} | ({"forces": direct} if direct else {})
    members, name = ensemble(loaded, energy)
    scales = {out: load.scale(pet, target) for out, target in heads.items()}
    known = embedding(pet, charge, spin)
    state = known if isinstance(known, torch.Tensor) else None
    table = known if state is None else None
    architecture = MetatrainPet if pet.backend.num_neighbors_adaptive is None else AdaptivePet
    module = architecture(pet, heads, scales, members, state, table)
    names = dict(energy=energy, direct=direct, members=name)
    given = {} if state is None else dict(charge=charge or 0, spin_multiplicity=spin or 1)
    return Adapter(
        module=module,
        cutoff=module.cutoff,
        hops=module.hops,
        species=module.species,
        name=loaded.name,
        length_unit=pet.dataset_info.length_unit or "angstrom",
        energy_unit=pet.dataset_info.targets[energy].unit or "eV",
        charges=None if table is None else table.charge.range,
        spins=None if table is None else table.spin.range,
        reference_energies=load.composition(pet, energy),
        symmetries=("permutation", "translation"),
        reference=citations(pet),
        provenance=provenance(loaded, names, given),
        source=source(loaded, names, given if table is None else dict(charge=0, spin_multiplicity=1)),
    )


def note_units(pet, energy):
    """Print the assumed units if the training data had none."""
    if not pet.dataset_info.length_unit:
        print("the checkpoint has no unit of length: angstrom is assumed.")
    if not pet.dataset_info.targets[energy].unit:
        print(f"the checkpoint has no unit for {energy}: eV is assumed.")


def direct_head(pet, energy):
    """The target of direct forces; refused if it is missing or has another unit."""
    found = load.force_head(pet, energy)
    if found is None:
        raise SystemExit(
            f"the model has no direct forces that go with {energy} (targets: {', '.join(pet.dataset_info.targets)}): "
            "leave out --forces, or train with a target non_conservative_forces."
        )
    targets = pet.dataset_info.targets
    length = pet.dataset_info.length_unit or "angstrom"
    parts = [part.strip("()") for part in targets[found].unit.rsplit("/", 1)]
    wanted = units.energy(targets[energy].unit or "eV"), units.length(length)
    if len(parts) != 2 or (units.energy(parts[0]), units.length(parts[1])) != wanted:
        raise SystemExit(
            f"the direct forces {found} are in '{targets[found].unit}', and the energy and lengths in {wanted}: train "
            "with one set of units."
        )
    return found


def ensemble(loaded, energy):
    """(linear map, metatrain's output name) of a last-layer ensemble; (None, None) without one."""
    layers = getattr(loaded.whole, "llpr_ensemble_layers", {})
    if energy not in layers:
        return None, None
    if layers[energy].out_features < 2:
        raise SystemExit(f"the ensemble of {energy} has one member only: calibrate it again with 2 or more.")
    base = energy.replace("mtt::", "")
    return layers[energy], "energy_ensemble" if base == "energy" else f"mtt::aux::{base}_ensemble"


@torch.no_grad()
def embedding(pet, charge, spin):
    """How charge and spin enter: embedded [1, d_node] if they are the same for all structures of a file, or a
    `StateEmbedding` of those that each structure has; None for a model that knows none.
    """
    conditioning = pet.system_conditioning
    if conditioning is None:
        if (charge, spin) != (None, None):
            raise SystemExit("the model knows no charge and no spin: leave out --charge and --spin.")
        return None
    if charge is None and spin is None:
        return StateEmbedding(conditioning)
    values = torch.tensor([charge or 0]), torch.tensor([spin or 1])
    try:
        conditioning.validate(*values)
    except ValueError as error:
        raise SystemExit(f"the model cannot take this charge or spin: {error}") from error
    return copy.deepcopy(conditioning).double()(*values, torch.tensor([0]))


def citations(pet):
    """The citations in the checkpoint."""
    found = [text for group in pet.metadata.references.values() for text in group]
    return "; ".join(dict.fromkeys(found))


def provenance(loaded, names, state):
    pet = loaded.pet
    hypers = {k: v for k, v in pet.hypers.items() if not isinstance(v, dict)}
    declared = pet.num_gnn_layers * pet.cutoff
    return loaded.versions | dict(hypers=hypers, targets=names, interaction_range_declared=declared, **state)


def source(loaded, names, state):
    """The model through metatomic; made at the first call, since it needs a copy, which `release` drops."""
    made = []

    def answer(structure):
        if not made:
            from .source import Source

            unit = loaded.pet.dataset_info.length_unit or "angstrom"
            made.append(Source(loaded.whole, names, unit, state))
        return made[0](structure)

    answer.release = made.clear
    return answer
