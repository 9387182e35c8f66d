"""`mtt train` with Muon for weight matrices in place of Adam: `python train.py options.yaml -o water.pt`.

Everything else is metatrain's. With small data sets and few epochs Adam hardly gets beyond a pair potential.
"""

import sys

import torch
from metatrain.__main__ import main
from tumble_export.compact.muon import orthogonalize

MOMENTUM, BETAS, TINY = 0.95, (0.9, 0.99), 1e-12


class MuonAndAdam(torch.optim.Optimizer):
    """Muon for matrices, Adam for vectors, tables of species and last layers; one learning rate for both.

    An update of Muon has the root mean square 0.2 lr, as is usual for Adam.
    """

    def __init__(self, parameters, lr):
        super().__init__(parameters, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = matrix if parameter.dim() == 2 and min(parameter.shape) > 4 else vector
                    parameter.sub_(update(self.state[parameter], parameter.grad), alpha=group["lr"])


def matrix(state, gradient):
    """Momentum with its singular values brought near one."""
    mean = state.setdefault("mean", torch.zeros_like(gradient)).lerp_(gradient, 1 - MOMENTUM)
    looked_ahead = gradient.lerp(mean, MOMENTUM)
    return orthogonalize(looked_ahead.unsqueeze(0))[0] * (0.2 * max(gradient.shape) ** 0.5)


def vector(state, gradient):
    """Adam's update."""
    state["steps"] = steps = state.get("steps", 0) + 1
    mean = state.setdefault("mean", torch.zeros_like(gradient)).lerp_(gradient, 1 - BETAS[0])
    square = state.setdefault("square", torch.zeros_like(gradient)).lerp_(gradient * gradient, 1 - BETAS[1])
    mean, square = mean / (1 - BETAS[0] ** steps), square / (1 - BETAS[1] ** steps)
    return mean / (square.sqrt() + TINY)


if __name__ == "__main__":
    torch.optim.Adam = MuonAndAdam
    sys.argv = ["mtt", "train", *sys.argv[1:]]
    main()
