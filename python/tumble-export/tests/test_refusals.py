"""What a model cannot have is named with its line in the user's file, and with a remedy."""

import os

import pytest
import torch
from quick import exported

from tumble_export import custom

MODULE = """import torch
from tumble_export.adapter import Adapter


class Mine(torch.nn.Module):
    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        v = torch.where(mask.unsqueeze(2), edge_vectors, 3.0)
        f = torch.where(mask, (9.0 - (v * v).sum(2)).clamp(min=0.0) ** 3, 0.0) * 1e-3
        {lines}


def make():
    return Adapter(Mine(), 3.0, 1, [1, 8])
"""
KINDS = {
    "a branch": (
        ["if f.sum() > 1.0:", "    f = 2.0 * f", "return f.sum(1)"],
        "mine.py:9: a branch or a number depends on the values of a tensor: write torch.where instead.",
    ),
    "an assignment": (
        ["h = 1.0 * f", "h[~mask] = 0.0", "return h.sum(1)"],
        "mine.py:10: an assignment to a part of a tensor is a scatter, which ONNX Runtime computes slowly or wrongly: "
        "make a new tensor by torch.where or torch.cat.",
    ),
    "in place": (
        ["h = f.exp()", "h += 1.0", "return torch.where(mask, h, 0.0).sum(1)"],
        "mine.py:10: an operation in place changes a tensor that the gradient needs: write y = y + x for y += x.",
    ),
    "a part": (
        ["return (f * v[:, :, 0]).sum(1)"],
        "mine.py:9: the gradient of x[..., i] is a scatter, which ONNX Runtime computes slowly or wrongly: take parts "
        "by torch.split, chunk or unbind.",
    ),
    "a sum": (
        ["rows = torch.arange(f.shape[0])", "return f.new_zeros(f.shape[0]).index_add(0, rows, f.sum(1))"],
        "mine.py:10: index_add is a scatter, which ONNX Runtime computes slowly or wrongly: sum over slots (layout "
        "padded), or by sum_over_edges of tumble_export.edge_list (layout list).",
    ),
    "a gather": (
        ["own = f.sum(1)", "", "return (f * own[neighbors.clamp(max=30)]).sum(1)"],
        "mine.py:11: the gradient of x[index] is a scatter, which ONNX Runtime computes slowly or wrongly: for x[mask] "
        "multiply by the mask; else take rows of neighbors by neighbor_rows, those of centers by center_rows, and "
        "those of reversed edges by Reverse.",
    ),
    "a loop": (
        ["return sum(f.unbind(1))"],
        "mine.py:9: the number of slots became a constant: do not loop over a dimension or unbind it, and make no "
        "number of Python of it; sum over it or reshape.",
    ),
    "an operator": (
        ["return torch.linalg.eigh(v.transpose(1, 2) @ v)[0].sum(1)"],
        "mine.py:9: aten._linalg_eigh has no ONNX form: write it in sums, products, matmul, exp and the like.",
    ),
    "complex numbers": (
        ["return torch.fft.fft(f, dim=1).abs().sum(1)"],
        "mine.py:9: complex numbers have no ONNX form: write their real and imaginary parts.",
    ),
}


def refused(tmp_path, lines, dtype=torch.float32):
    """The refusal of a module with these lines."""
    path = tmp_path / "mine.py"
    path.write_text(MODULE.format(lines=("\n" + 8 * " ").join(lines)))
    with pytest.raises(SystemExit) as error:
        exported(custom.make(f"{path}:make"), os.path.join(tmp_path, "m.onnx"), dtype)
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_and_a_remedy_are_named(kind, tmp_path):
    lines, sentence = KINDS[kind]
    assert refused(tmp_path, lines) == sentence


def test_operators_without_double_precision_are_named(tmp_path):
    lines = ["h = torch.nn.functional.leaky_relu(f - 0.1)", "return torch.where(mask, h, 0.0).sum(1)"]
    expected = "mine.py:9: ONNX Runtime has no LeakyRelu in this precision: write it in exp, products and the like"
    assert refused(tmp_path, lines, torch.float64).startswith(expected)


def test_the_line_of_the_first_nan_is_named(tmp_path):
    found = refused(tmp_path, ["return torch.log(f).sum(1)"])
    assert "is not finite: the first infinity is that of the node Log" in found and "(mine.py:9), in padding" in found


def test_torch_attention_is_written_out(tmp_path):
    path = tmp_path / "mine.py"
    lines = [
        "kept = mask.unsqueeze(1)",
        "h = torch.nn.functional.scaled_dot_product_attention(v, v, v, (-1e5 * ~kept).to(v.dtype))",
        "return (h.sum(2) * f).sum(1)",
    ]
    path.write_text(MODULE.format(lines=("\n" + 8 * " ").join(lines)))
    exported(custom.make(f"{path}:make"), tmp_path / "m.onnx")
