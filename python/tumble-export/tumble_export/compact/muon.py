"""Muon for weight matrices: momentum with all singular values close to one (Jordan et al. 2024)."""

import torch


def orthogonalize(g):
    """Five quintic Newton-Schulz steps on matrices [B, m, n]: they bring singular values close to 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    flip = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if flip else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-9)
    for _ in range(5):
        y = x @ x.transpose(1, 2)
        x = a * x + (b * y + c * y @ y) @ x
    return x.transpose(1, 2) if flip else x


class Muon:
    """The Muon optimizer. Updates have the root mean square 0.2 · lr, so it shares AdamW's learning rate."""

    def __init__(self, parameters, momentum=0.95):
        self.momentum = momentum
        self.groups = {}
        for p in parameters:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.buffers = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}

    @torch.no_grad()
    def step(self, gradients, lr, decay):
        """One step; `gradients`: dict parameter -> tensor."""
        for shape, parameters in self.groups.items():
            g = torch.stack([gradients[p] for p in parameters])
            buffer = self.buffers[shape].lerp_(g, 1 - self.momentum)
            update = orthogonalize(g.lerp(buffer, self.momentum)) * (0.2 * max(shape) ** 0.5)
            for p, u in zip(parameters, update):
                p.mul_(1 - lr * decay).sub_(u, alpha=lr)
