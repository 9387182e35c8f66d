"""An independent evaluation: vesin's neighbors, scipy's rotations, ONNX Runtime from Python, one rotation at a time.

It turns positions and cell, not edge vectors, and shares no code with tumble.
"""

import json
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import vesin  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

GROUPS = {"tetrahedral": "T", "octahedral": "O", "icosahedral": "I"}


def rotations(group, inversion):
    """Matrices [R, 3, 3] of a rotation group, with their negatives on request."""
    matrices = np.eye(3)[None] if group == "none" else Rotation.create_group(GROUPS[group]).as_matrix()
    return np.concatenate([matrices, -matrices]) if inversion else matrices


class Reference:
    """A padded model; energies eV, lengths Å."""

    def __init__(self, path):
        # This fusion stores factors of double-precision models in single precision.
        options = {"disabled_optimizers": ["MatMulScaleFusion"]}
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"], **options)
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["tumble"])
        self.real = np.dtype(self.about["precision"])

    def once(self, positions, cell, species):
        """Energy, forces [N, 3] and virial [3, 3] of the given frame."""
        finder = vesin.NeighborList(cutoff=self.about["cutoff"], full_list=True)
        i, j, vectors = finder.compute(points=positions, box=cell, periodic=True, quantities="ijD")
        slot = np.array([np.count_nonzero(i[:e] == i[e]) for e in range(len(i))])
        shape = (len(positions), slot.max() + 1)
        feeds = self.feeds(shape, i, j, slot, vectors, species)
        wanted = {entry.name for entry in self.session.get_inputs()}
        energies, padded = self.session.run(
            ["atomic_energies", "edge_gradients"], {k: v for k, v in feeds.items() if k in wanted}
        )
        gradients, forces = padded[i, slot].astype(float), np.zeros_like(positions)
        np.add.at(forces, i, gradients)
        np.add.at(forces, j, -gradients)
        references = self.about.get("reference_energies", {})
        free = sum(references.get(str(z), 0.0) for z in species)
        return energies.astype(float).sum() + free, forces, -vectors.T @ gradients

    def feeds(self, shape, i, j, slot, vectors, species):
        """The padded tensors of the contract."""
        edge_vectors = np.zeros((*shape, 3), self.real)
        edge_vectors[..., 0] = self.about["cutoff"]
        neighbors, mask = np.zeros(shape, np.int64), np.zeros(shape, bool)
        edge_vectors[i, slot], neighbors[i, slot], mask[i, slot] = vectors, j, True
        reverse = np.arange(np.prod(shape)).reshape(shape)
        for edge in range(len(i)):
            back = (i == j[edge]) & (j == i[edge]) & (np.abs(vectors + vectors[edge]).max(axis=1) < 1e-6)
            other = np.flatnonzero(back)[0]
            reverse[i[edge], slot[edge]] = i[other] * shape[1] + slot[other]
        common = {"species": np.array(species, np.int64), "weights": np.ones(shape[0], self.real)}
        common["replica"] = np.zeros(shape[0], np.int64)
        return {"edge_vectors": edge_vectors, "neighbors": neighbors, "mask": mask, "reverse": reverse, **common}

    def average(self, positions, cell, species, group, inversion):
        """Means of energy, forces and symmetrized virial, and the standard deviation of the energy."""
        results = []
        for r in rotations(group, inversion):
            energy, forces, virial = self.once(positions @ r.T, cell @ r.T, species)
            virial = r.T @ virial @ r
            results.append((energy, forces @ r, 0.5 * (virial + virial.T)))
        energies, forces, virials = map(np.array, zip(*results))
        return energies.mean(), forces.mean(axis=0), virials.mean(axis=0), energies.std()
