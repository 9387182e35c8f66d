"""Functions of orb-models 0.5 and of 0.6 and 0.7, which moved most modules.

In 0.5 a regressor knows its edges (`system_config`). Later the package returns an adapter of atoms beside it.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Edges:
    """Each atom sends to its `limit` nearest neighbors within `radius`, in Å."""

    radius: float
    limit: int


def parts(made):
    """The regressor and its edges, from what a function of the package's table returns."""
    regressor, config = made if isinstance(made, tuple) else (made, made.system_config)
    return regressor, Edges(float(config.radius), int(config.max_num_neighbors))


def load_state_dict(regressor, weights):
    """Put weights into a regressor; returns the missing and the unexpected keys, as torch does."""
    try:
        from orb_models.common.models.load import load_regressor_state_dict as load
    except ImportError:
        from orb_models.forcefield.load import load_forcefield_state_dict as load
    return load(regressor, weights)


def graph(atoms, edges):
    """The package's graph of an `ase.Atoms`, on the CPU, in double precision."""
    double = dict(output_dtype=torch.float64, graph_construction_dtype=torch.float64)
    options = dict(edge_method="knn_scipy", half_supercell=False, device=torch.device("cpu"), **double)
    try:
        from orb_models.forcefield.forcefield_adapter import ForcefieldAtomsAdapter
    except ImportError:
        from orb_models.forcefield.atomic_system import SystemConfig, ase_atoms_to_atom_graphs

        return ase_atoms_to_atom_graphs(atoms, SystemConfig(edges.radius, edges.limit), **options)
    return ForcefieldAtomsAdapter(edges.radius, edges.limit).from_ase_atoms(atoms, **options)
