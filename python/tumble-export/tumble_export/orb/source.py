"""A model of orb-models on the package's own graph, in double precision: the reference for an exported file."""

import copy

import ase
import torch

from ..adapter import Answer
from . import package


def graph(structure, edges, state):
    """The package's graph of a structure, with the charge and the spin of `state`."""
    cell = structure.cell if structure.periodic else None
    atoms = ase.Atoms(structure.numbers, structure.positions, cell=cell, pbc=structure.periodic)
    atoms.info.update(state)
    return package.graph(atoms, edges)


class Source:
    """Structure -> Answer. Direct forces are taken before the package subtracts their mean and torque."""

    def __init__(self, loaded, direct, state):
        """`direct`: include direct forces; `state`: `charge` and `spin` for models that know them."""
        self.regressor, self.edges = copy.deepcopy(loaded.regressor).double().eval(), loaded.edges
        self.direct, self.state = direct, state
        if direct:
            head = self.regressor.heads["forces"]
            head.remove_mean = head.remove_torque_for_nonpbc_systems = False

    def __call__(self, structure):
        batch = graph(structure, self.edges, self.state | structure.conditions)
        strain = torch.eye(3, dtype=torch.float64, requires_grad=True)
        positions = batch.positions.detach().requires_grad_()
        batch.edge_features["vectors"] = vectors(batch, positions) @ strain
        features = self.regressor.model(batch)["node_features"]
        repulsion = self.regressor.pair_repulsion_fn(batch) if self.regressor.pair_repulsion else None
        energy = self.value("energy", features, batch, repulsion).sum()
        force, virial = torch.autograd.grad(-energy, (positions, strain), retain_graph=self.direct)
        answer = Answer(energy.item(), force.numpy(), virial.numpy())
        if self.direct:
            answer.direct = self.value("forces", features, batch, repulsion).detach().numpy()
        return answer

    def value(self, name, features, batch, repulsion):
        """Output of a head, with the repulsion."""
        found = self.regressor.heads[name].predict(features, batch)
        return found if repulsion is None else found + repulsion[name]


def vectors(batch, positions):
    """Edge vectors [E, 3] of positions [N, 3], from the sender to the receiver."""
    shifts = batch.edge_features["unit_shifts"] @ batch.cell.reshape(3, 3)
    return positions[batch.receivers] - positions[batch.senders] + shifts
