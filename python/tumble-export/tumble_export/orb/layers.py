"""Parts of Orb as functions of rows: radial and angular features, gates, multilayer perceptrons.

Rows are edge slots of the padded layout, [C·K, d], or centers, [C, d].
"""

import torch
from torch import nn

from ..functions import Silu
from ..layers import Dense, Norm, matrices

ENVELOPE_RADIUS = 6.0  # Å, for every Orb, independent of its radius
LARGEST_DEGREE = 5
LINEAR = 20.0  # softplus is the identity above this, as in torch


class Softplus(torch.autograd.Function):
    """ln(1 + exp x), and x itself above 20."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > LINEAR, x, torch.log(1.0 + torch.exp(x.clamp(max=LINEAR))))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return torch.where(x > LINEAR, grad, grad * torch.sigmoid(x))


class ShiftedSoftplus(nn.Module):
    """ln(1 + exp x) - ln 2. As in Orb, ln 2 has single precision in every precision."""

    def __init__(self):
        super().__init__()
        self.register_buffer("shift", nn.functional.softplus(torch.zeros((), dtype=torch.float32)).double())

    def forward(self, x):
        return Softplus.apply(x) - self.shift


class Swish(nn.Module):
    def forward(self, x):
        return Silu.apply(x)


def activation(module):
    """The activation of a perceptron of Orb; refused if it is unknown."""
    made = {"SSP": ShiftedSoftplus, "SiLU": Swish}.get(type(module).__name__)
    if made is None:
        raise SystemExit(f"this Orb has the activation {type(module).__name__}: only ssp and silu can be exported.")
    return made()


class Mlp(nn.Module):
    """Linear maps [R, in] -> [R, out] with activations between; `rest` leaves out the first map."""

    def __init__(self, sequential, rest=False):
        super().__init__()
        parts = [m for m in sequential if not isinstance(m, (nn.Identity, nn.Dropout))]
        made = [Dense(*matrices(m)) if isinstance(m, nn.Linear) else activation(m) for m in parts]
        self.steps = nn.Sequential(*made[rest:])

    def forward(self, rows):
        return self.steps(rows)


def readout(head):
    """The perceptron of a head; mean and standard deviation of the head are folded into the last linear map."""
    made, bn = Mlp(head.mlp), head.normalizer.bn
    last, scale = made.steps[-1], bn.running_var.detach().double().sqrt()
    last.weight *= scale
    last.bias *= scale
    last.bias += bn.running_mean.detach().double()
    return made


class Normed(nn.Module):
    """A perceptron with a normalization at its end."""

    def __init__(self, sequential, rest=False):
        super().__init__()
        self.mlp, self.norm = Mlp(sequential.mlp, rest), Norm(sequential.layer_norm, affine=True)

    def forward(self, rows):
        return self.norm(self.mlp(rows))


class Gaussians(nn.Module):
    """Distances [R, 1] -> [R, n], exp(-scale² (r - center)²)."""

    def __init__(self, count, radius, scale=1.0):
        super().__init__()
        self.register_buffer("centers", torch.arange(0, float(radius), float(radius) / count).double())
        self.register_buffer("square", torch.tensor(float(scale) ** 2, dtype=torch.float64))

    def forward(self, r):
        return torch.exp(-self.square * (r - self.centers) * (r - self.centers))


class Bessel(nn.Module):
    """Distances [R, 1] -> [R, n], sin(n π r / radius) / r."""

    def __init__(self, basis):
        super().__init__()
        self.register_buffer("rates", basis.bessel_weights.detach().double())
        self.register_buffer("prefactor", basis.prefactor.detach().double())

    def forward(self, r):
        return self.prefactor * torch.sin(self.rates * r) / r


def radial(transform):
    """The radial basis of an Orb; refused if it is unknown."""
    name = type(transform).__name__
    if name == "BesselBasis":
        return Bessel(transform)
    if name == "partial" and transform.func.__name__ == "gaussian_basis_function" and not transform.args:
        given = transform.keywords
        return Gaussians(given["num_bases"], given["radius"], given.get("scale", 1.0))
    raise SystemExit(f"this Orb has the radial basis {name}: only Bessel functions and Gaussians can be exported.")


class Harmonics(nn.Module):
    """Unit vectors [R, 3] -> [R, (l + 1)²]: products of components times matrices, fitted to the package's functions.

    Each degree is a homogeneous polynomial, so the fit is exact.
    """

    def __init__(self, functions):
        super().__init__()
        self.degree = int(functions.dim**0.5) - 1
        units = torch.randn(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        units = units / units.norm(dim=1, keepdim=True)
        values = functions(units).split([2 * n + 1 for n in range(self.degree + 1)], dim=1)
        for n, (products, wanted) in enumerate(zip(self.products(units), values)):
            fitted = torch.linalg.lstsq(products, wanted, driver="gelsd").solution
            if (products @ fitted - wanted).abs().max() > 1e-12:
                raise SystemExit(f"the angular functions of degree {n} of this Orb are not those of {functions}.")
            self.register_buffer(f"matrix_{n}", fitted)

    def products(self, units):
        """All products of 0, 1, 2, … components, [R, 3ⁿ] each."""
        found = units.split([1, 2], dim=1)[0] * 0.0 + 1.0
        yield found
        for _ in range(self.degree):
            found = (found.unsqueeze(2) * units.unsqueeze(1)).reshape(units.shape[0], -1)
            yield found

    def forward(self, units):
        parts = [products @ getattr(self, f"matrix_{n}") for n, products in enumerate(self.products(units))]
        return torch.cat(parts, dim=1)


class Units(nn.Module):
    def forward(self, units):
        return units


def angular(transform):
    """The angular features of an Orb; refused if they are unknown."""
    name = type(transform).__name__
    if name == "UnitVector":
        return Units()
    if name == "SphericalHarmonics" and transform.normalize and transform.dim <= (LARGEST_DEGREE + 1) ** 2:
        return Harmonics(transform)
    raise SystemExit(
        f"this Orb has the angular features {name}: only unit vectors and normalized spherical harmonics up to degree "
        f"{LARGEST_DEGREE} can be exported."
    )


def envelope(r):
    """Orb's cutoff function of distances: 1 - 15 x⁴ + 24 x⁵ - 10 x⁶ with x = r / 6 Å."""
    x = r / ENVELOPE_RADIUS
    fourth = x * x * x * x
    return 1.0 - fourth * (15.0 - x * (24.0 - 10.0 * x))
