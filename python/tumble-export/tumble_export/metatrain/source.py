"""A model of metatrain, evaluated through metatomic in double precision: the reference for an exported file."""

import copy

import numpy as np
import torch
from metatomic.torch import ModelEvaluationOptions, ModelOutput, System
from metatrain.utils.data.system_to_ase import system_to_ase  # noqa: F401  (imported early: it needs ASE)
from metatrain.utils.neighbor_lists import get_requested_neighbor_lists, get_system_with_neighbor_lists

from ..adapter import Answer

METATRAIN = {"charge": "charge", "spin": "spin_multiplicity"}  # metatrain's names of the conditions


def system(structure, strain, model, state):
    """The strained system with neighbor lists, and its positions; both carry gradients."""
    positions = torch.tensor(structure.positions, dtype=torch.float64, requires_grad=True)
    cell = torch.tensor(structure.cell if structure.periodic else np.zeros((3, 3)), dtype=torch.float64)
    made = System(
        types=torch.tensor(structure.numbers, dtype=torch.int32),
        positions=positions @ strain,
        cell=cell @ strain,
        pbc=torch.tensor([structure.periodic] * 3),
    )
    for name, value in state.items():
        made.add_data(name, scalar(name, value))
    return get_system_with_neighbor_lists(made, get_requested_neighbor_lists(model)), positions


def scalar(name, value):
    """A number for a whole system, in the form of metatomic."""
    from metatensor.torch import Labels, TensorBlock, TensorMap

    block = TensorBlock(
        values=torch.tensor([[float(value)]], dtype=torch.float64),
        samples=Labels(["system"], torch.tensor([[0]])),
        components=[],
        properties=Labels([name], torch.tensor([[0]])),
    )
    return TensorMap(Labels(["_"], torch.tensor([[0]])), [block])


class Source:
    """Structure -> Answer. `names`: metatrain's targets for `energy` and, or None, `direct` and `members`."""

    def __init__(self, whole, names, length_unit, state):
        self.model = copy.deepcopy(whole).to(torch.float64).eval().export()
        self.names = {k: v for k, v in names.items() if v is not None}
        self.states = state
        wanted = {n: ModelOutput(sample_kind="atom" if k == "direct" else "system") for k, n in self.names.items()}
        self.options = ModelEvaluationOptions(length_unit=length_unit, outputs=wanted)

    def __call__(self, structure):
        strain = torch.eye(3, dtype=torch.float64, requires_grad=True)
        given = {METATRAIN[name]: value for name, value in structure.conditions.items()}
        made, positions = system(structure, strain, self.model, self.states | given)
        found = self.model([made], self.options, check_consistency=False)
        values = {k: found[n].block().values for k, n in self.names.items()}
        force, virial = torch.autograd.grad(-values["energy"].sum(), (positions, strain), allow_unused=True)
        answer = Answer(values["energy"].item(), zero(force, positions), zero(virial, strain))
        if "direct" in values:
            answer.direct = values["direct"].detach().reshape(-1, 3).numpy()
        if "members" in values:
            answer.members = values["members"].detach().reshape(-1).numpy()
        return answer


def zero(gradient, like):
    """A gradient as an array, zeros if nothing depends on the variable (one atom alone)."""
    return (torch.zeros_like(like) if gradient is None else gradient).detach().numpy()
