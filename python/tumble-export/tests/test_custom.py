"""`tumble-export torch`: the adapter of the example, and refused adapters."""

from pathlib import Path

import torch
from files import metadata, refusal

from tumble_export import adapter as adapters
from tumble_export import pipeline
from tumble_export.command import main
from tumble_export.functions import Reverse

EXAMPLE = Path(__file__).parents[3] / "examples" / "export" / "morse.py"


def test_the_example_is_exported(tmp_path):
    main(["torch", f"{EXAMPLE}:make", "-o", str(tmp_path / "m.onnx")])
    made = metadata(tmp_path / "m.onnx")
    assert (made["name"], made["hops"], made["species"]) == ("morse", 1, [18])


class Far(torch.nn.Module):
    """Energies that depend on the edges of neighbors: two hops."""

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        far = torch.tensor([3.0, 0.0, 0.0], dtype=edge_vectors.dtype)
        vectors = torch.where(mask.unsqueeze(2), edge_vectors, far)
        near = torch.where(mask, (9.0 - (vectors * vectors).sum(2)) ** 3 * 1e-3, torch.zeros_like(vectors.sum(2)))
        own = (near.sum(1, keepdim=True) + torch.zeros_like(near)).reshape(-1, 1)
        return (near * Reverse.apply(own, reverse.reshape(-1)).view(near.shape)).sum(1) * 1e-2


def test_a_reach_claimed_too_short_is_raised(tmp_path):
    said = []
    pipeline.write(adapters.Adapter(Far(), 3.0, 1, [1, 8]), tmp_path / "m.onnx", say=said.append)
    assert "the energy reaches further than claimed: the file says 2 hops." in said
    assert metadata(tmp_path / "m.onnx")["hops"] == 2


def refused(place):
    return refusal("torch", place, "-o", "m.onnx")


def test_wrong_functions_are_refused(tmp_path):
    (tmp_path / "mine.py").write_text("def make():\n    return 3\n")
    assert "names no function: write FILE.py:FUNCTION" in refused(tmp_path / "mine.py")
    assert "has no function build" in refused(f"{tmp_path / 'mine.py'}:build")
    assert "returned a int, not a tumble_export.adapter.Adapter" in refused(f"{tmp_path / 'mine.py'}:make")
    assert "there is no file" in refused("none.py:make")
