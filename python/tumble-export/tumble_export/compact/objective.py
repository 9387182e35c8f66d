"""Energies and forces of a frame, and one training step as a compiled graph."""

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from ..functions import Reverse


def energy_and_forces(model, frame):
    """Energies [C] (eV, no reference) and forces [C, 3] (eV/Å) of (vectors, neighbors, mask, reverse, species)."""
    vectors, neighbors, mask, reverse, species = frame
    vectors = vectors.detach().requires_grad_()
    energies = model(vectors, neighbors, mask, reverse, species)
    (g,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True)
    back = Reverse.apply(g.reshape(-1, 3), reverse.reshape(-1)).view_as(g)
    return energies, ((g - back) * mask.unsqueeze(-1)).sum(1)


def make_step(model, names, example):
    """Compile one training step with fixed shapes: it returns the parts of the loss and the gradients."""

    def step(values, frame, forces, target, weight):
        parameters = dict(zip(names, [v.detach().requires_grad_() for v in values]))
        energies, predicted = torch.func.functional_call(Functional(model), parameters, (frame,))
        force_error = predicted - forces
        energy_error = energies.sum() - target
        loss = force_error.square().mean() / 0.1**2
        loss = loss + weight * (energy_error / (0.002 * len(forces))).square()
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        return force_error.square().mean().detach(), energy_error.detach(), gradients

    return torch.compile(make_fx(step, tracing_mode="real")(*example), dynamic=False)


class Functional(torch.nn.Module):
    """`energy_and_forces` as a module, for `functional_call`."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frame):
        return energy_and_forces(self.model, frame)


def rotation(generator):
    """A uniformly random orthogonal matrix [3, 3] in double precision; half of them are improper."""
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return q * torch.diagonal(r).sign()
