"""A short Langevin run of 64 H2O in ONNX Runtime, without the driver: do the molecules stay whole?

`python sanity_md.py water-pet.onnx DATA/data_3.npz --picoseconds 2`. Units: Å, eV, u, fs.
"""

import argparse
import json

import numpy as np

from tumble_export.checks import session
from tumble_export.neighbors import padded

KB = 8.617333262e-5  # eV/K
ACCELERATION = 9.648533212e-3  # (eV/Å/u) in Å/fs²
MASSES = {1: 1.008, 8: 15.999}


def edges(positions, length, cutoff):
    """Edges in a cube with more than two cutoffs of room (nearest images): centers, neighbors, vectors, reverse."""
    vectors = positions[None] - positions[:, None]
    vectors -= length * np.round(vectors / length)
    near = (vectors**2).sum(-1) < cutoff**2
    np.fill_diagonal(near, False)
    i, j = np.nonzero(near)
    number = np.zeros(near.shape, dtype=np.int64)
    number[i, j] = np.arange(len(i))
    return i, j, vectors[i, j], number[j, i]


class Water:
    """Energy (eV) and forces (eV/Å) of a model."""

    def __init__(self, path, species, length):
        self.run, self.species, self.length = session(path), species, length
        self.data = json.loads(self.run.get_modelmeta().custom_metadata_map["tumble"])
        self.dtype = self.data["precision"]

    def forces(self, positions):
        cutoff, count = self.data["cutoff"], len(positions)
        vectors, neighbors, mask, reverse = padded(*edges(positions, self.length, cutoff), count, cutoff)
        feed = dict(edge_vectors=vectors.astype(self.dtype), neighbors=neighbors, mask=mask, reverse=reverse)
        feed |= dict(species=self.species, weights=np.ones(count, self.dtype))
        energies, g = self.run.run(None, feed)
        back = g.reshape(-1, 3)[reverse]
        return energies.sum(dtype=np.float64), np.where(mask[..., None], g - back, 0.0).sum(1, dtype=np.float64)


def whole(positions, species, length):
    """(longest O-H bond in Å, whether every oxygen has its two hydrogens)."""
    oxygens, hydrogens = positions[species == 8], positions[species == 1]
    vectors = hydrogens[:, None] - oxygens[None]
    vectors -= length * np.round(vectors / length)
    distances = np.sqrt((vectors**2).sum(-1))
    owners = np.bincount(distances.argmin(1), minlength=len(oxygens))
    return distances.min(1).max(), bool((owners == 2).all())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("frames", help="an .npz file with positions, cells and atomic_numbers")
    parser.add_argument("--picoseconds", type=float, default=2.0)
    parser.add_argument("--step", type=float, default=0.5, help="fs")
    parser.add_argument("--temperature", type=float, default=300.0)
    parser.add_argument("--friction", type=float, default=0.005, help="1/fs")
    args = parser.parse_args()
    data, rng = np.load(args.frames), np.random.default_rng(1)
    species, x = data["atomic_numbers"], data["positions"][0].astype(np.float64)
    length = float(data["cells"][0][0, 0])
    model, mass = Water(args.model, species, length), np.array([MASSES[z] for z in species])[:, None]
    width = np.sqrt(KB * args.temperature * ACCELERATION / mass)
    v, dt = width * rng.normal(size=x.shape), args.step
    decay = np.exp(-args.friction * dt)
    energy, f = model.forces(x)
    for step in range(int(args.picoseconds * 1000 / dt) + 1):
        if step % 400 == 0:
            kinetic = (mass * v**2).sum() / (2 * ACCELERATION)
            bond, intact = whole(x, species, length)
            now = f"{step * dt / 1000:7.2f} ps  T {2 * kinetic / (3 * len(x) * KB):6.1f} K  U {energy:9.3f} eV"
            print(f"{now}  longest O-H {bond:.3f} A  molecules whole: {intact}", flush=True)
        v += f * (0.5 * dt * ACCELERATION) / mass
        x += 0.5 * dt * v
        v = decay * v + np.sqrt(1 - decay**2) * width * rng.normal(size=x.shape)
        x += 0.5 * dt * v
        energy, f = model.forces(x)
        v += f * (0.5 * dt * ACCELERATION) / mass


if __name__ == "__main__":
    main()
