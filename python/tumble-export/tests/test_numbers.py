"""Numbers in Python keep their precision in the file, however small or close to 1 they are."""

import math

import pytest
import torch
from quick import exported

from tumble_export.adapter import Adapter

CUTOFF = 3.7


class Pair(torch.nn.Module):
    """Half a function of each edge; padding lies at the cutoff."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        far = edge_vectors.new_tensor([CUTOFF, 0.0, 0.0])
        return self.function(torch.where(mask.unsqueeze(2), edge_vectors, far), mask).sum(1)


def cosine(lengths):
    """A cosine cutoff, 0 in padding."""
    return 0.5 * (1 + torch.cos(math.pi * lengths / CUTOFF))


def masked(values, mask):
    return torch.where(mask, values, torch.zeros_like(values))


def sums(vectors, mask):
    r = vectors.norm(dim=2)
    return masked(cosine(r) * (0.1 * r + r / 0.3 - 0.7) + torch.where(r < 3.1, 0.3 * r, 0.1), mask)


def fills(vectors, mask):
    r = vectors.norm(dim=2)
    filled = r.masked_fill(r > 3.1, 0.1) + torch.full_like(r, 0.3) + r.new_full(r.shape, 0.7)
    return masked(cosine(r) * torch.nn.functional.silu(filled.clamp(min=1.3)) ** 0.3, mask)


def norms(vectors, mask):
    normed = torch.nn.functional.layer_norm(vectors, (3,), eps=1e-5)
    return masked(cosine(vectors.norm(dim=2)) * (normed * vectors).sum(2), mask)


@pytest.mark.parametrize("function", [sums, fills, norms])
def test_numbers_are_double_in_a_file_of_double_precision(function, tmp_path):
    found = exported(Adapter(Pair(function), CUTOFF, 1, [1, 8]), tmp_path / "m.onnx", torch.float64)
    assert max(found.values()) < 1e-12


def logarithm(vectors, mask):
    """Softmax with the logarithm of a cutoff that is 0 in padding, but for a small number."""
    f = masked(cosine(vectors.norm(dim=2)), mask)
    return torch.softmax(torch.log(f + 1e-9), dim=1) * f


def direction(vectors, mask):
    """Unit vectors, of zero vectors in padding too."""
    v = vectors * mask.unsqueeze(2)
    r = v.norm(dim=2, keepdim=True)
    return cosine(r.squeeze(2)) * (v / (r + 1e-9)).sum(2) * mask


def share(vectors, mask):
    """The share of each neighbor; 0 / 1e-9 without neighbors."""
    f = masked(cosine(vectors.norm(dim=2)), mask)
    return f / (f.sum(1, keepdim=True) + 1e-9) * f


@pytest.mark.parametrize("function", [logarithm, direction, share])
def test_small_numbers_keep_a_cosine_cutoff_finite(function, tmp_path):
    exported(Adapter(Pair(function), CUTOFF, 1, [1, 8]), tmp_path / "m.onnx")


def test_a_factor_close_to_1_stays(tmp_path):
    def function(vectors, mask):
        squares = (vectors * vectors).sum(2)
        return masked(1e4 * (1.000005 * squares - squares), mask)

    found = exported(Adapter(Pair(function), CUTOFF, 1, [1, 8]), tmp_path / "m.onnx", torch.float64)
    assert found["forces"] < 1e-9
