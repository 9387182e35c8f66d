"""Frames of a data set, with their neighbor lists, in the padded layout."""

from pathlib import Path

import numpy as np
import torch

from ..neighbors import edges, padded


def load(folder, parts):
    """Frames of `data_<part>.npz` as a list of dicts with their edges (Å, eV, eV/Å)."""
    frames = []
    for part in parts:
        data = np.load(Path(folder) / f"data_{part}.npz")
        columns = (data["positions"], data["cells"], data["energies"], data["forces"])
        for positions, cell, energy, forces in zip(*columns):
            frames.append(
                dict(
                    species=data["atomic_numbers"], positions=positions, cell=cell, energy=float(energy), forces=forces
                )
            )
    return frames


def find_neighbors(frames, cutoff):
    """Add `edges` = (centers, neighbors, vectors, reverse) to each frame."""
    for frame in frames:
        frame["edges"] = edges(frame["positions"], np.asarray(frame["cell"], dtype=np.float64), cutoff)


def largest(frame):
    """The largest number of neighbors of an atom."""
    return int(np.bincount(frame["edges"][0]).max())


def tensors(frame, cutoff, slots):
    """(edge_vectors f32 [C, K, 3], neighbors, mask, reverse, species [N], forces f32 [N, 3]) of one frame."""
    count = len(frame["species"])
    vectors, neighbors, mask, reverse = padded(*frame["edges"], count, cutoff, slots)
    arrays = (
        vectors.astype(np.float32),
        neighbors,
        mask,
        reverse,
        frame["species"],
        frame["forces"].astype(np.float32),
    )
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


def pair_frame(frame, species):
    """Input of the pair fit: distances, units, centers, neighbors, unordered species pairs, forces."""
    i, j, v, _ = frame["edges"]
    index = np.searchsorted(species, frame["species"])
    low, high = np.minimum(index[i], index[j]), np.maximum(index[i], index[j])
    r = np.linalg.norm(v, axis=1)
    return r, v / r[:, None], i, j, low * len(species) + high, frame["forces"]
