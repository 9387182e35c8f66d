"""Measures the reach of an atom's energy, and of its other outputs, by their gradients with respect to all edges."""

from functools import partial

import numpy as np
import torch

from .layouts import contract
from .layouts import touched as centers_of
from .neighbors import edges

CHAINS, BUNDLES = 12, 2
BEYOND = 3  # the structures are long enough for this many more hops than claimed
APART = 20.0  # cutoffs between structures: no edge connects them
CORNERS = 0.12 * np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])  # cutoffs


def chain(adapter, seed):
    """Atoms on a line, each within the cutoff of the next but not of the one after: hops are exact."""
    rng = np.random.default_rng(seed)
    count = adapter.hops + BEYOND + 1
    positions = rng.normal(0, 0.01 * adapter.cutoff, (count, 3))
    positions[:, 0] += np.cumsum(rng.uniform(0.52, 0.97, count)) * adapter.cutoff
    return positions, rng.choice(adapter.species, count)


def bundle(adapter, seed):
    """A chain of tetrahedra in place of atoms: about a dozen neighbors, as in matter, with few atoms."""
    rng = np.random.default_rng(seed)
    sites = chain(adapter, seed)[0]
    positions = (sites[:, None] + CORNERS * adapter.cutoff).reshape(-1, 3)
    positions += rng.normal(0, 0.02 * adapter.cutoff, positions.shape)
    return positions, rng.choice(adapter.species, len(positions))


def probes(adapter):
    """All chains and bundles far from each other: positions [N, 3], species [N], and the first atom of each."""
    made = [chain(adapter, seed) for seed in range(CHAINS)] + [bundle(adapter, seed) for seed in range(BUNDLES)]
    sizes = [len(numbers) for _, numbers in made]
    shift = np.array([0.0, APART * adapter.cutoff, 0.0])
    positions = np.concatenate([positions + i * shift for i, (positions, _) in enumerate(made)])
    return positions, np.concatenate([numbers for _, numbers in made]), np.cumsum([0, *sizes[:-1]])


def distances(adapter, positions, starts):
    """Hops [N] along edges from the nearest of some atoms; -1 if no edges lead there."""
    i, j, _, _ = edges(positions, None, adapter.cutoff, (False,) * 3)
    hops = np.full(len(positions), -1)
    front = np.atleast_1d(starts)
    hops[front] = 0
    while len(front):
        following = np.unique(j[np.isin(i, front)])
        following = following[hops[following] < 0]
        hops[following] = hops[front[0]] + 1
        front = following
    return hops


def touched(adapter, positions, numbers, starts):
    """Atoms with edges that change the energies of the atoms `starts`, in double precision."""
    from .systems import inputs

    tensors = list(
        inputs(positions, np.eye(3), numbers, adapter.cutoff, torch.float64, periodic=False, layout=adapter.layout)
    )
    tensors[5] = torch.zeros_like(tensors[5])
    tensors[5][starts] = 1.0
    _, gradients = contract(adapter, adapter.module, ("atomic_energies", "edge_gradients"))(*tensors)
    return centers_of(gradients, tensors).numpy()


def output_touched(name, adapter, positions, numbers, starts):
    """Atoms with edges that change an output of the atoms `starts` (a combination of its components)."""
    from .systems import inputs

    tensors = list(
        inputs(positions, np.eye(3), numbers, adapter.cutoff, torch.float64, periodic=False, layout=adapter.layout)
    )
    tensors[0].requires_grad_()
    values = adapter.evaluate(tensors[:5])[name][starts].reshape(len(starts), -1)
    combined = (values * torch.arange(1, values.shape[1] + 1)).sum()
    if not combined.requires_grad:
        return np.zeros(len(numbers), bool)
    (gradients,) = torch.autograd.grad(combined, tensors[0])
    return centers_of(gradients, tensors).numpy()


def measure(adapter):
    """Number of hops: one more than that to the farthest atom whose edges change an energy, a force or an output.

    Energies and outputs of a model of the whole structure reach all atoms, and are left out.
    """
    adapter.module.double()
    outputs = [*(["forces"] if adapter.has("forces") else []), *([] if adapter.whole else adapter.outputs)]
    wanted = ([] if adapter.whole else [touched]) + [partial(output_touched, name) for name in outputs]
    positions, numbers, starts = probes(adapter)
    hops = distances(adapter, positions, starts)
    return 1 + max(int(hops[probe(adapter, positions, numbers, starts)].max(initial=0)) for probe in wanted)
