"""A model of water with a dipole: `tumble-export torch make_model.py:make -o water-dipole.onnx` (two minutes).

Energies are those of `examples/models/water-pet.pt`. The dipole is a small network on Cartesian components of the O-H
bonds, so that it does not turn exactly with the molecule. It learns the dipole of q-TIP4P/F, of three point charges
(S. Habershon, T. E. Markland, D. E. Manolopoulos, J. Chem. Phys. 131, 024501 (2009), Table I), which is known for any
geometry: with the charge q of H, and that of O moved by 1 - γ of the way to the H,

    dipole = q (r_H1 + r_H2 - 2 r_M),  r_M = γ r_O + (1 - γ) (r_H1 + r_H2) / 2,
           = q γ (v_1 + v_2)  with the bonds v = r_H - r_O.
"""

from pathlib import Path

import torch
from torch import nn
from tumble_export.adapter import Adapter
from tumble_export.compact.export import load
from tumble_export.compact.pet import switch

CHECKPOINT = Path(__file__).resolve().parents[1] / "models/water-pet.pt"
CHARGE, GAMMA = 0.5564, 0.73612  # e
OXYGEN, HYDROGEN = 8, 1
LONGEST, WIDTH = 1.7, 0.4  # Å: a bond counts fully up to 1.3 Å, and not at all from 1.7 Å on
STEPS, BATCH = 100, 256  # few, so that a bond's dipole has an error of some 2%, as in models of larger molecules


class Bonds(nn.Module):
    """The dipole of each oxygen's bonds [C, 3], e Å: Σ f(r) w(v), with w(v) = A v + a network of v."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3, bias=False)
        self.network = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3))

    def of_bonds(self, vectors):
        """w of vectors [.., 3]."""
        return self.linear(vectors) + self.network(vectors)

    def forward(self, edge_vectors, neighbors, mask, species):
        kinds = species.index_select(0, neighbors.reshape(-1)).view_as(neighbors)
        bond = mask & (kinds == HYDROGEN) & (species.narrow(0, 0, mask.shape[0]) == OXYGEN).unsqueeze(1)
        away = torch.tensor([LONGEST, 0.0, 0.0], dtype=edge_vectors.dtype)
        vectors = torch.where(bond.unsqueeze(2), edge_vectors, away)
        share = switch((vectors * vectors).sum(2).sqrt(), LONGEST, WIDTH)
        return (self.of_bonds(vectors) * share.unsqueeze(2)).sum(1)


class WithDipole(nn.Module):
    """Energies of a PET, and the dipole."""

    def __init__(self, pet, bonds):
        super().__init__()
        self.pet, self.bonds = pet, bonds

    def forward(self, edge_vectors, neighbors, mask, reverse, species, slots=None):
        energies = self.pet(edge_vectors, neighbors, mask, reverse, species, slots)
        return {"atomic_energies": energies, "dipole": self.bonds(edge_vectors, neighbors, mask, species)}


def train(bonds):
    """Fits bonds of 0.85 to 1.15 Å in random directions; returns the root mean square error of a component, e Å."""
    optimizer = torch.optim.Adam(bonds.parameters(), lr=1e-2)
    for _ in range(STEPS):
        vectors = nn.functional.normalize(torch.randn(BATCH, 3), dim=1) * (0.85 + 0.3 * torch.rand(BATCH, 1))
        error = ((bonds.of_bonds(vectors) - CHARGE * GAMMA * vectors) ** 2).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    return float(error.detach().sqrt())


def make():
    """The adapter."""
    torch.manual_seed(1)
    pet, saved = load(CHECKPOINT)
    bonds = Bonds()
    error = train(bonds)
    return Adapter(
        module=WithDipole(pet, bonds),
        cutoff=pet.config["cutoff"],
        hops=pet.hops,
        species=sorted(pet.config["species"]),
        name="water-dipole",
        reference_energies={int(z): energy for z, energy in saved["reference_energies"].items()},
        outputs={"dipole": {"per": "structure", "law": "vector", "unit": "e*angstrom"}},
        reference=saved["reference"],
        provenance={"energies": "examples/models/water-pet.pt", "error of a bond's dipole, e Å": round(error, 4)},
    )
