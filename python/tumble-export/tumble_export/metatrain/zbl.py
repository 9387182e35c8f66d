"""metatrain's ZBL repulsion (that of LAMMPS' pair zbl with inner cutoff 0), from tables of species pairs."""

import torch
from torch import nn

EXPONENT = 0.23
LENGTH = 0.46850  # Å
COULOMB = 14.399645478425668  # e² / 4πε₀, eV Å
SHARES = (0.02817, 0.28022, 0.50986, 0.18175)
RATES = (0.20162, 0.40290, 0.94229, 3.19980)


def shape(r, rates):
    """φ and its first two derivatives at distances [P] for rates [P, 4]."""
    shares = torch.tensor(SHARES, dtype=torch.float64)
    terms = shares * torch.exp(-r.unsqueeze(-1) * rates)
    return terms.sum(-1), -(terms * rates).sum(-1), (terms * rates**2).sum(-1)


def switch(rc, factor, rates):
    """Coefficients of r³, r⁴ and 1 that make energy, slope and curvature zero at rc [P]."""
    phi, slope, curve = shape(rc, rates)
    energy = factor / rc * phi
    first = factor / rc * (slope - phi / rc)
    second = factor / rc * (curve - 2 / rc * slope + 2 * phi / rc**2)
    cubic = (-3 * first + rc * second) / rc**2 / 3
    quartic = (2 * first - rc * second) / rc**3 / 4
    return cubic, quartic, -energy + rc * first / 2 - rc**2 * second / 12


class Zbl(nn.Module):
    """Half of the pair energies of each center, eV; distances in Å."""

    def __init__(self, numbers, radii):
        super().__init__()
        z, radii = torch.tensor(numbers), radii.double()
        rc = (radii[:, None] + radii).flatten()
        # metatrain computes this from integers, so in single precision: the same here, to get the same model
        factor = (COULOMB * z[:, None] * z).flatten().double()
        screening = (LENGTH / (z[:, None] ** EXPONENT + z**EXPONENT)).flatten()
        rates = torch.tensor(RATES, dtype=torch.float64) / screening[:, None]
        self.reach = float(rc.max())
        coefficients = switch(rc, factor, rates)
        # columns: cutoff, prefactor, three coefficients, four rates
        self.register_buffer("table", torch.cat([torch.stack([rc, factor, *coefficients], 1), rates], 1))
        self.register_buffer("shares", torch.tensor(SHARES, dtype=torch.float64).unsqueeze(1))

    def forward(self, distances, pairs, mask):
        """Distances, numbers of the species pair and mask [C, K] -> [C] eV."""
        rows = self.table.index_select(0, pairs.reshape(-1)).view(*distances.shape, -1)
        rc, factor, cubic, quartic, constant, rates = rows.split([1, 1, 1, 1, 1, 4], dim=2)
        r = distances.unsqueeze(2)
        phi = torch.exp(-r * rates) @ self.shares
        cube = r * r * r
        energy = factor / r * phi + cubic * cube + quartic * cube * r + constant
        inside = mask.unsqueeze(2) & (r <= rc)
        return 0.5 * torch.where(inside, energy, torch.zeros_like(energy)).sum((1, 2))
