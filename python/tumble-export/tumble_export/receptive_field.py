"""Measures the reach of an energy by the gradient of one atom's energy with respect to all edges."""

import numpy as np
import torch

from .neighbors import edges
from .structures import bar
from .trace import Contract
from .units import ANGSTROM

CHAINS = 12
BEYOND = 3  # the structures are long enough for this many more hops than claimed


def chain(adapter, seed):
    """Atoms on a line, each within the cutoff of the next but not of the one after: hops are exact."""
    rng = np.random.default_rng(seed)
    count = adapter.hops + BEYOND + 1
    positions = rng.normal(0, 0.01 * adapter.cutoff, (count, 3))
    positions[:, 0] += np.cumsum(rng.uniform(0.52, 0.97, count)) * adapter.cutoff
    return positions, rng.choice(adapter.species, count)


def long_bar(adapter):
    """A long enough bar of condensed matter."""
    unit = ANGSTROM[adapter.length_unit]
    positions, numbers = bar(adapter.species, (adapter.hops + BEYOND) * adapter.cutoff * unit)
    return positions / unit, numbers


def distances(adapter, positions, start):
    """Hops [N] along edges from an atom."""
    i, j, _, _ = edges(positions, None, adapter.cutoff, (False,) * 3)
    hops = np.full(len(positions), -1)
    hops[start], front = 0, np.array([start])
    while len(front):
        following = np.unique(j[np.isin(i, front)])
        following = following[hops[following] < 0]
        hops[following] = hops[front[0]] + 1
        front = following
    return hops


def touched(adapter, positions, numbers, start):
    """Atoms with edges that change the energy of atom `start`, in double precision."""
    from .systems import inputs

    tensors = list(inputs(positions, np.eye(3), numbers, adapter.cutoff, torch.float64, periodic=False))
    tensors[5] = torch.zeros_like(tensors[5])
    tensors[5][start] = 1.0
    _, gradients = Contract(adapter.module, ("atomic_energies", "edge_gradients"))(*tensors)
    return np.abs(gradients.numpy()).sum((1, 2)) > 0


def direct_touched(adapter, positions, numbers, start):
    """Atoms with edges that change the direct force on atom `start` (a random combination of its components)."""
    from .systems import inputs

    tensors = list(inputs(positions, np.eye(3), numbers, adapter.cutoff, torch.float64, periodic=False)[:5])
    tensors[0].requires_grad_()
    forces = adapter.evaluate(tensors)["forces"][start]
    (gradients,) = torch.autograd.grad(forces @ torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64), tensors[0])
    return np.abs(gradients.numpy()).sum((1, 2)) > 0


def measure(adapter):
    """Number of hops: one more than that to the farthest atom whose edges change an energy or a force."""
    adapter.module.double()
    probes = ([] if adapter.whole else [touched]) + ([direct_touched] if adapter.has("forces") else [])
    systems = [(*chain(adapter, seed), 0) for seed in range(CHAINS)] + [(*long_bar(adapter), 0)]
    farthest = 0
    for positions, numbers, start in systems:
        hops = distances(adapter, positions, start)
        for probe in probes:
            farthest = max(farthest, int(hops[probe(adapter, positions, numbers, start)].max(initial=0)))
    return farthest + 1
