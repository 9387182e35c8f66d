"""metatrain's cutoff functions and adaptive cutoffs, on padded slots: sums over slots instead of scattered sums."""

import math

import torch
from torch import nn

from .. import custom_ops

NEWTON_STEPS = 10
SMALLEST_PROBE = 0.5  # in the model's length unit (usually Å), as in metatrain


def constant(value):
    """A number as a tensor: the exporter would round a Python number to single precision."""
    return torch.tensor(value, dtype=torch.float64)


def clip(x, low, high=None):
    """x limited to lie between two tensors. `clamp` would take Python numbers, or compute its gradient in place."""
    x = torch.where(x < low, low, x)
    return x if high is None else torch.where(x > high, high, x)


class CutoffFunction(nn.Module):
    """f(r; cutoff): falls from 1 to 0 at the cutoff, over a width in the model's length unit."""

    def __init__(self, kind, width):
        super().__init__()
        self.shape = {"bump": self.bump, "cosine": self.cosine}[kind.lower()]
        for name, value in dict(width=width, pi=math.pi, edge=1e-6, far_edge=1.0 - 1e-6).items():
            self.register_buffer(name, constant(value))

    def forward(self, distances, cutoffs):
        """Distances and cutoffs, of shapes that broadcast -> values between 0 and 1."""
        return self.shape((distances - (cutoffs - self.width)) / self.width)

    def bump(self, x):
        y = self.pi * clip(x, self.edge, self.far_edge)
        return 0.5 * (1.0 + torch.tanh(torch.cos(y) / torch.sin(y)))

    def cosine(self, x):
        return 0.5 * (1.0 + torch.cos(self.pi * x.clamp(0.0, 1.0)))

    def bump_slope(self, distances, cutoffs):
        """Bump and its derivative with respect to the cutoff; for Newton steps, so not differentiated again."""
        x = (distances - (cutoffs - self.width)) / self.width
        y = self.pi * clip(x, self.edge, self.far_edge)
        sine = torch.sin(y)
        height = torch.tanh(torch.cos(y) / sine)
        inside = (x > 0.0) & (x < 1.0)
        slope = 0.5 * self.pi / self.width * (1.0 - height * height) / (sine * sine)
        value = torch.where(inside, 0.5 * (1.0 + height), (x <= 0.0).to(x.dtype))
        return value, torch.where(inside, slope, torch.zeros_like(slope))


class Adaptive(nn.Module):
    """The cutoff of each center, chosen to contain about `count` neighbors."""

    def __init__(self, count, cutoff, width):
        super().__init__()
        self.function = CutoffFunction("bump", width)
        for name, value in dict(count=float(count), cutoff=cutoff, smallest=cutoff / 16.0, tiny=1e-6).items():
            self.register_buffer(name, constant(value))


class Solver(Adaptive):
    """Root of Σ_k f(r_k; c) + count · (c / cutoff)³ = count in c, by Newton steps kept in a bracket."""

    def baseline(self, cutoffs):
        x = cutoffs / self.cutoff
        return self.count * x * x * x

    def slope(self, distances, mask, cutoffs):
        """Number of neighbors minus its target [C], and its derivative [C], at cutoffs [C]."""
        value, slope = self.function.bump_slope(distances, cutoffs.unsqueeze(1))
        number = torch.where(mask, value, torch.zeros_like(value)).sum(1)
        rise = torch.where(mask, slope, torch.zeros_like(slope)).sum(1)
        x = cutoffs / self.cutoff
        rise = rise + 3.0 * self.count * x * x / self.cutoff
        return number + self.baseline(cutoffs) - self.count, clip(rise, self.tiny)

    def root(self, distances, mask):
        """Root [C] and the slope there [C]; constants for the gradient."""
        if custom_ops.wanted():
            width = self.function.width
            return custom_ops.adaptive_cutoff(distances, mask, self.count, self.cutoff, width)
        low = distances.new_zeros(1).expand(distances.shape[0])
        high = low + self.cutoff
        root = 0.5 * high
        for _ in range(NEWTON_STEPS):
            excess, rise = self.slope(distances, mask, root)
            low, high = torch.where(excess <= 0, root, low), torch.where(excess <= 0, high, root)
            step = root - excess / rise
            root = torch.where((step >= low) & (step <= high), step, 0.5 * (low + high))
        return root, self.slope(distances, mask, root)[1]

    def forward(self, distances, mask):
        """Distances and mask [C, K] -> cutoffs [C]; the last step carries the gradient (implicit function theorem)."""
        root, rise = self.root(distances.detach(), mask)
        value = self.function(distances, root.unsqueeze(1))
        number = torch.where(mask, value, torch.zeros_like(value)).sum(1)
        found = root - (number + self.baseline(root) - self.count) / rise
        return clip(found, self.smallest, self.cutoff)


class Grid(Adaptive):
    """Mean of probe cutoffs, with larger weights for numbers of neighbors close to `count` (older checkpoints)."""

    def __init__(self, count, cutoff, width, dtype):
        super().__init__(count, cutoff, width)
        # in the model's precision, since rounding decides the number of probes
        probes = torch.arange(SMALLEST_PROBE, cutoff, width / 4.0, dtype=dtype).double()
        x = torch.linspace(0, 1, len(probes), dtype=torch.float64)
        self.register_buffer("probes", probes)
        self.register_buffer("baseline", count * x**3)
        self.register_buffer("difference", torch.gradient(torch.eye(len(probes), dtype=torch.float64), dim=1)[0])
        self.register_buffer("narrowest", constant(1e-12))

    def forward(self, distances, mask):
        """Distances and mask [C, K] -> cutoffs [C]."""
        value = self.function(distances.unsqueeze(2), self.probes)
        number = torch.where(mask.unsqueeze(2), value, torch.zeros_like(value)).sum(1)
        excess = number - self.count + self.baseline
        width = clip((excess @ self.difference).abs(), self.narrowest)
        scaled = excess / width
        logarithms = -0.5 * scaled * scaled
        # metatrain subtracts the largest value of all atoms; the largest of each atom gives the same quotient
        weights = torch.exp(logarithms - logarithms.detach().amax(1, keepdim=True))
        return (weights @ self.probes) / weights.sum(1)
