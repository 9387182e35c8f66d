"""An adapter for a model of your own: `tumble-export torch morse.py:make -o morse.onnx`.

The model: half a Morse pair potential for each edge, times a smooth cutoff; argon-like numbers, as an example only.
"""

import torch
from tumble_export.adapter import Adapter

CUTOFF, DEPTH, RATE, LENGTH = 6.0, 0.012, 1.5, 3.8  # Å, eV, 1/Å, Å


class Morse(torch.nn.Module):
    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        # Padding is replaced before anything else, so that no gradient reaches it.
        far = torch.tensor([CUTOFF, 0.0, 0.0], dtype=edge_vectors.dtype)
        vectors = torch.where(mask.unsqueeze(2), edge_vectors, far)
        distances = (vectors * vectors).sum(2).sqrt()
        y = torch.exp(-RATE * (distances - LENGTH))
        x = 1.0 - distances / CUTOFF
        energies = 0.5 * DEPTH * (y * y - 2.0 * y) * x * x * x
        return torch.where(mask, energies, torch.zeros_like(energies)).sum(1)


def make():
    return Adapter(
        module=Morse(),
        cutoff=CUTOFF,
        hops=1,
        species=[18],
        name="morse",
        symmetries=("permutation", "translation", "rotation", "inversion"),
        reference_energies={18: 0.0},
    )
