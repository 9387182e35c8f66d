"""The pair baseline: Gaussians fitted to forces, and an exponential wall below the shortest distances in the data."""

import numpy as np
import torch
from torch import nn

from ..functions import single


class PairTerm(nn.Module):
    """Half of s(r) · (Σ_g c_pg · exp(-(r - μ_g)² / 2σ²) + w_p(r)) for each edge; p is the species pair."""

    def __init__(self, cutoff, kinds, gaussians, start=0.7):
        super().__init__()
        self.cutoff = single(cutoff)
        self.inverse = single((gaussians - 1) / (cutoff - start))
        self.register_buffer("means", torch.linspace(start, cutoff, gaussians))
        self.register_buffer("coefficients", torch.zeros(kinds**2, gaussians))  # eV
        self.register_buffer("wall_start", torch.zeros(kinds**2, 1))  # Å
        self.register_buffer("wall_height", torch.zeros(1))  # eV
        self.register_buffer("wall_rate", torch.ones(1))  # 1/Å

    def forward(self, distances, pairs):
        """distances [E] Å, one-hot pairs [E, S²] -> energies [E] eV; 0 from the cutoff on."""
        r = distances.unsqueeze(-1)
        x = (r - self.means) * self.inverse
        terms = (torch.exp(-0.5 * x * x) * (pairs @ self.coefficients)).sum(-1)
        exponent = (pairs @ self.wall_start).squeeze(-1) - distances
        wall = self.wall_height * torch.exp((exponent * self.wall_rate).clamp(max=60.0))
        y = (1.0 - distances / self.cutoff).clamp(min=0.0)
        return (terms + wall) * y * y * y * 4.0


def one_pair(term, kind, distances):
    """Energies [M, G] of each Gaussian and [M] of the wall, with derivatives, for one pair and distances [M]."""
    r = torch.tensor(distances, dtype=torch.float64).requires_grad_()
    y = (1.0 - r / term.cutoff).clamp(min=0.0)
    x = (r[:, None] - term.means.double()) * term.inverse
    shape = 8.0 * y**3
    basis = torch.exp(-0.5 * x * x) * shape[:, None]
    wall = term.wall_height.double() * torch.exp((term.wall_start[kind].double() - r) * term.wall_rate.double()) * shape
    columns = [torch.autograd.grad(basis[:, g].sum(), r, retain_graph=True)[0] for g in range(basis.shape[1])]
    slope = torch.autograd.grad(wall.sum(), r)[0]
    return basis.detach().numpy(), torch.stack(columns, 1).numpy(), wall.detach().numpy(), slope.numpy()


def fit(term, frames, height=0.15, rate=9.0, ridge=1e-3):
    """Fit the Gaussians to the forces of `frames`: (distances, units, centers, neighbors, kinds, forces) of each.

    `kinds` numbers the unordered species pairs by their smaller flat index. Returns the force RMSE in eV/Å.
    """
    used = sorted({int(k) for frame in frames for k in np.unique(frame[4])})
    term.wall_height.fill_(height)
    term.wall_rate.fill_(rate)
    for kind in used:
        term.wall_start[kind] = min(frame[0][frame[4] == kind].min() for frame in frames)
    blocks, targets = [], []
    for distances, units, centers, _, kinds, forces in frames:
        design, rest = np.zeros((*forces.shape, len(used), len(term.means))), forces.astype(np.float64)
        for p, kind in enumerate(used):
            these = kinds == kind
            _, slopes, _, wall = one_pair(term, kind, distances[these])
            # the halves of the edge and of its reverse both act on the center: F[center] += dV/dr · unit
            for x in range(3):
                np.add.at(design[:, x, p], centers[these], slopes * units[these, x, None])
                np.subtract.at(rest[:, x], centers[these], wall * units[these, x])
        blocks.append(design.reshape(forces.size, -1))
        targets.append(rest.reshape(-1))
    design, target = np.concatenate(blocks), np.concatenate(targets)
    gram = design.T @ design
    solution = np.linalg.solve(gram + ridge * np.trace(gram) / len(gram) * np.eye(len(gram)) * 1e-2, design.T @ target)
    for p, kind in enumerate(used):
        row = torch.tensor(solution.reshape(len(used), -1)[p])
        size = int(len(term.coefficients) ** 0.5)
        for flat in (kind, (kind % size) * size + kind // size):
            term.coefficients[flat] = row
            term.wall_start[flat] = term.wall_start[kind]
    return float(np.sqrt(np.mean((design @ solution - target) ** 2)))
