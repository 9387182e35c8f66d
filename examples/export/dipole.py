"""An adapter for a model with outputs besides the energy: `tumble-export torch dipole.py:make -o dipole.onnx`.

The model: along each edge electrons flow to the more electronegative atom, the more the shorter the edge. Charges and
dipole follow from these flows; water-like numbers, as an example only.
"""

import torch
from tumble_export.adapter import Adapter

CUTOFF, DEPTH, FLOW, SOFTNESS = 3.5, 2.0, 0.4, 0.3  # Å, eV, e, Å
ELECTRONEGATIVITY = {1: 2.2, 8: 3.44}


class Flows(torch.nn.Module):
    def __init__(self):
        super().__init__()
        pull = [ELECTRONEGATIVITY.get(z, 0.0) for z in range(9)]
        self.register_buffer("pull", torch.tensor(pull, dtype=torch.float64))

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        # Padding is replaced before anything else, so that no gradient reaches it.
        far = torch.tensor([CUTOFF, 0.0, 0.0], dtype=edge_vectors.dtype)
        vectors = torch.where(mask.unsqueeze(2), edge_vectors, far)
        near = (1.0 - (vectors * vectors).sum(2) / CUTOFF**2) ** 3
        near = torch.where(mask, near, torch.zeros_like(near))
        pull = self.pull[species]
        flow = FLOW * near * (pull[neighbors] - pull[: mask.shape[0]].unsqueeze(1))
        squares = vectors.unsqueeze(3) * vectors.unsqueeze(2)
        return {
            "atomic_energies": -0.5 * DEPTH * near.sum(1),  # [C]
            "charges": flow.sum(1),  # [C]
            "dipole": -0.5 * (flow.unsqueeze(2) * vectors).sum(1),  # [C, 3]
            "polarizability": SOFTNESS * (near.unsqueeze(2).unsqueeze(3) * squares).sum(1),  # [C, 3, 3]
        }


def make():
    outputs = {
        "charges": {"per": "atom", "law": "scalar", "unit": "e"},
        "dipole": {"per": "structure", "law": "vector", "unit": "e*angstrom"},
        "polarizability": {"per": "structure", "law": "tensor", "unit": "angstrom^3"},
    }
    return Adapter(
        module=Flows(),
        cutoff=CUTOFF,
        hops=1,
        species=[1, 8],
        name="flows",
        symmetries=("permutation", "translation", "rotation", "inversion"),
        outputs=outputs,
    )
