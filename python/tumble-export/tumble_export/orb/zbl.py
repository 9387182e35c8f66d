"""Orb's ZBL repulsion with its polynomial envelope, from tables of species pairs.

For each element, orb-models uses the nuclear charge and the radius of the next one: its one-hot vectors count
elements from 0, hydrogen at 1, and the repulsion adds 1 to the index. Models were trained this way, so it stays.
"""

import torch
from torch import nn


class Zbl(nn.Module):
    """Pair energies and their slopes; distances in Å, energies in eV."""

    def __init__(self, basis, elements):
        """`basis`: the package's module in double precision; `elements`: upper bound of atomic numbers, exclusive."""
        super().__init__()
        if int(basis.p) != 6:
            raise SystemExit(f"this Orb has a ZBL envelope of order {int(basis.p)}: only 6 can be exported.")
        z = torch.arange(elements) + 1
        u, v = z.repeat_interleave(elements), z.repeat(elements)
        # In Orb a product of integers and a Python number, so single precision: the same here, to get the same model.
        factor = (14.3996 * u * v).double()
        length = basis.a_prefactor * 0.529 / (torch.pow(u, basis.a_exp) + torch.pow(v, basis.a_exp))
        radius = basis.covalent_radii[u] + basis.covalent_radii[v]
        rates = basis.d.reshape(1, -1) / length.double().reshape(-1, 1)
        self.elements = elements
        self.register_buffer("table", torch.cat([factor[:, None], radius.double()[:, None], rates.double()], dim=1))
        self.register_buffer("shares", basis.c.detach().double().reshape(-1, 1))

    def forward(self, distances, own, other, kept):
        """distances [C, K], atomic numbers [C] and [C, K], mask -> energies [C, K] of edges and d energy / dr."""
        pairs = own.unsqueeze(1) * self.elements + other
        rows = self.table.index_select(0, pairs.reshape(-1)).view(*distances.shape, -1)
        factor, radius, rates = rows.split([1, 1, 4], dim=2)
        r = distances.unsqueeze(2)
        terms = torch.exp(-r * rates)
        bare = factor / r * (terms @ self.shares)
        bare_slope = -bare / r - factor / r * ((terms * rates) @ self.shares)
        x = r / radius
        fifth = x * x * x * x * x
        envelope = 1.0 - fifth * x * (28.0 - x * (48.0 - 21.0 * x))
        envelope_slope = -fifth * (168.0 - x * (336.0 - 168.0 * x)) / radius
        inside = kept.unsqueeze(2) & (r < radius)
        found = 0.5 * bare * envelope, 0.5 * (bare_slope * envelope + bare * envelope_slope)
        return [torch.where(inside, part, torch.zeros_like(part)).squeeze(2) for part in found]
