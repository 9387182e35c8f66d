"""The adapter of a model of orb-models."""

import copy
from collections import Counter
from types import SimpleNamespace

import numpy as np
import torch

from .. import neighbors
from ..adapter import Adapter
from ..conditions import Table
from . import load
from .model import ELEMENTS, NearestOrb, Orb
from .refuse import note, refuse

SAME = 1e-6  # share of the radius: smaller differences may change the order in single precision
CHARGES, SPINS = (-100, 100), (1, 100)  # as in the package's tables
USUAL = 120  # neighbors at most: "effectively unlimited" in orb-models

REFERENCE = {
    "orb-v3": "B. Rhodes et al., Orb-v3: atomistic simulation at scale, arXiv:2504.06231 (2025)",
    "orb": "M. Neumann et al., Orb: a fast, scalable neural network potential, arXiv:2410.22570 (2024)",
}


def make(place, weights=None, seed=None, kind=None, charge=None, spin=None):
    """The adapter and the kind of forces for a name or a file; the kind defaults to the architecture's own."""
    loaded = load.load(place, weights, seed)
    kind = kind or own_kind(loaded.regressor)
    return adapt(loaded, kind, charge, spin), kind


def own_kind(regressor):
    """The kind of forces from the package itself."""
    return "conservative" if type(regressor).__name__.startswith("Conservative") else "direct"


def adapt(loaded, kind, charge=None, spin=None):
    """The adapter of a loaded model."""
    regressor, edges = loaded.regressor, loaded.edges
    refuse(regressor, loaded.name)
    note(regressor, edges.limit if edges.limit < USUAL else None)
    direct = kind != "conservative"
    if direct and "forces" not in regressor.heads:
        raise SystemExit(f"{loaded.name} has no direct forces, so --forces {kind} is not possible: leave it out.")
    given = state(regressor, charge, spin)
    double = copy.deepcopy(regressor).double().eval()
    made = NearestOrb if edges.limit < USUAL else Orb
    tables = None if given or double.model.conditioner is None else embedded(double)
    module = made(double, edges, direct, embedding(double, given), tables)
    references = double.heads["energy"].reference.linear.weight.detach().reshape(-1)
    species = fitted(references)
    return Adapter(
        module=module,
        cutoff=module.cutoff,
        hops=module.hops,
        whole=True,
        species=species,
        name=loaded.name,
        reference_energies={z: float(references[z]) for z in species},
        symmetries=("permutation", "translation"),
        reference=REFERENCE["orb-v3" if loaded.name.startswith(("orb-v3", "orbmol")) else "orb"],
        provenance=loaded.versions | given | dict(neighbors_at_most=module.limit, hops_of_features=module.hops),
        charges=tables and tables[0].range,
        spins=tables and tables[1].range,
        source=source(loaded, direct, given or (dict(charge=0.0, spin=1.0) if tables else {})),
    )


def fitted(references):
    """Atomic numbers with a reference energy of their own: elements without data share one."""
    values = references[1:ELEMENTS].tolist()
    shared = {value for value, times in Counter(values).items() if times > 2}
    return [z for z, value in enumerate(values, 1) if value not in shared] or list(range(1, ELEMENTS))


def state(regressor, charge, spin):
    """Charge and spin for all structures of a file; empty if the file takes those of each, or knows none."""
    if regressor.model.conditioner is None:
        if charge is not None or spin is not None:
            raise SystemExit("the model knows no charge and no spin: leave out --charge and --spin.")
        return {}
    if charge is None and spin is None:
        return {}
    if charge is None or spin is None:
        raise SystemExit("the model knows charge and spin: give both for all structures, or none for those of each.")
    return dict(charge=float(charge), spin=float(spin))


def undecided(structure, radius, limit):
    """Whether the `limit` nearest neighbors of an atom depend on rounding."""
    centers, _, vectors, _ = neighbors.edges(structure.positions, structure.cell, radius, (structure.periodic,) * 3)
    lengths = np.linalg.norm(vectors, axis=1)
    for center in range(len(structure.numbers)):
        mine = np.sort(lengths[centers == center])
        if len(mine) > limit and mine[limit] - mine[limit - 1] < SAME * radius:
            return True
    return False


@torch.no_grad()
def embedding(regressor, given):
    """Embedding [1, d] of charge and spin; None without."""
    if not given:
        return None
    return rows(regressor, torch.tensor([given["charge"]]), torch.tensor([given["spin"]]))


def rows(regressor, charge, spin):
    """Embeddings [n, d] of charges and spins [n] by the package."""
    # orb-models 0.6 renamed the spin.
    features = dict(total_charge=charge, total_spin=spin, spin_multiplicity=spin)
    one = torch.ones_like(charge, dtype=torch.int64)
    return regressor.model.conditioner(SimpleNamespace(system_features=features, n_node=one, n_edge=one))[0].double()


@torch.no_grad()
def embedded(regressor):
    """Tables of the embedded charges and spins that a file knows."""
    charges, spins = (torch.arange(least, most + 1, dtype=torch.float32) for least, most in (CHARGES, SPINS))
    charge, spin = rows(regressor, charges, torch.ones_like(charges)), rows(regressor, torch.zeros_like(spins), spins)
    half = charge.shape[1] // 2
    return Table(charge[:, :half], CHARGES[0]), Table(spin[:, half:], SPINS[0])


def source(loaded, direct, given):
    """The model through the package; made at the first call, since it needs a copy, which `release` drops."""
    made = []

    def answer(structure):
        if undecided(structure, loaded.edges.radius, loaded.edges.limit):
            return None
        if not made:
            from .source import Source

            made.append(Source(loaded, direct, given))
        return made[0](structure)

    answer.release = made.clear
    return answer
