"""Models on a list of edges: sums equal torch's own, and files equal torch, with ghosts and without edges."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from files import metadata
from quick import exported

from tumble_export import adapter as adapters
from tumble_export import checks, custom, edge_list, layouts, pipeline, systems

EXAMPLES = Path(__file__).parents[3] / "examples" / "export"
sys.path.insert(0, str(EXAMPLES))


def water(centers=None, cutoff=4.5, **options):
    return systems.inputs(*systems.water(8), cutoff, torch.float64, centers=centers, layout="list", **options)


def softmax(scores, centers, count):
    """Softmax over edges, center by center."""
    parts = [torch.softmax(scores[centers == center], dim=0) for center in range(count)]
    return torch.cat(parts)


def test_sums_and_rows_equal_torch_with_their_gradients():
    _, centers, neighbors, reverse, species, _ = water()
    count = len(species)
    edges, atoms = torch.randn(len(centers), 2, 3).double(), torch.randn(count, 2, 3).double()
    pairs = [
        (lambda x: edge_list.sum_over_edges(x, centers, count), edges, lambda x: (0 * atoms).index_add(0, centers, x)),
        (lambda x: edge_list.center_rows(x, centers), atoms, lambda x: x[centers]),
        (lambda x: edge_list.neighbor_rows(x, centers, neighbors, reverse), atoms, lambda x: x[neighbors]),
        (
            lambda x: edge_list.softmax_over_edges(x, centers, count),
            9 * edges[:, 0],
            lambda x: softmax(x, centers, count),
        ),
    ]
    for function, given, expected in pairs:
        ours, theirs = given.clone().requires_grad_(), given.clone().requires_grad_()
        torch.testing.assert_close(function(ours), expected(theirs))
        weights = torch.randn_like(function(ours))
        slopes = [torch.autograd.grad((f(x) * weights).sum(), x)[0] for f, x in ((function, ours), (expected, theirs))]
        torch.testing.assert_close(*slopes)


def test_edges_in_another_order_are_refused():
    with pytest.raises(SystemExit, match="indices that do not ascend: pass `centers` itself"):
        edge_list.sum_over_edges(torch.ones(2, 1), torch.tensor([1, 0]), 2)


class Wrong(torch.nn.Module):
    def forward(self, edge_vectors, centers, neighbors, reverse, species):
        return edge_list.sum_over_edges(edge_vectors, 1 * centers, species.shape[0]).sum(1)


def test_sums_over_other_indices_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="other indices than the `centers` that `forward` was given"):
        exported(adapters.Adapter(Wrong(), 3.0, 1, [1, 8], layout="list"), tmp_path / "m.onnx")


def test_whole_models_are_refused():
    with pytest.raises(SystemExit, match="the layout is padded or list, and padded if the energy belongs to the whole"):
        adapters.Adapter(Wrong(), 3.0, 1, [1, 8], layout="list", whole=True)


@pytest.fixture(scope="module")
def made():
    return custom.make(f"{EXAMPLES / 'transformer_list.py'}:make")


@pytest.fixture(scope="module")
def file(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "m.onnx"
    exported(made, path, torch.float64)
    return path


@pytest.mark.parametrize("centers", [24, 17, 1])
def test_the_file_equals_torch_with_ghosts_and_weights(made, file, centers):
    inputs = water(centers)
    contract = layouts.contract(made, made.module.double(), ("atomic_energies", "edge_gradients"))
    for found, expected in zip(checks.evaluate(checks.session(str(file)), inputs), contract(*inputs)):
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-11, atol=1e-11)


def test_the_file_equals_the_padded_one(made, file, tmp_path):
    other = custom.make(f"{EXAMPLES / 'transformer_tumble.py'}:make")
    exported(other, tmp_path / "p.onnx", torch.float64)
    padded = systems.inputs(*systems.water(8), 4.5, torch.float64, centers=17)
    one, two = (
        checks.evaluate(checks.session(str(f)), x) for f, x in ((file, water(17)), (tmp_path / "p.onnx", padded))
    )
    np.testing.assert_allclose(one[0], two[0], atol=1e-11)
    np.testing.assert_allclose(one[1], two[1][padded[2].numpy()], atol=1e-11)


def test_without_edges_all_is_finite(file):
    lone = systems.inputs(9.0 * np.eye(3), np.eye(3), [1, 6, 8], 4.5, torch.float64, periodic=False, layout="list")
    energies, gradients = checks.evaluate(checks.session(str(file)), lone)
    assert gradients.shape == (0, 3) and energies.shape == (3,) and np.isfinite(energies).all()


def test_the_file_has_no_scatter(file):
    assert not [node.op_type for node in onnx.load(file).graph.node if node.op_type.startswith("Scatter")]


class Pair(torch.nn.Module):
    """A polynomial of each length, in two copies, and forces of its own."""

    def forward(self, edge_vectors, centers, neighbors, reverse, species):
        rest = 1.0 - (edge_vectors * edge_vectors).sum(1, keepdim=True) / 9.0
        energies = edge_list.sum_over_edges(rest**3, centers, species.shape[0]).squeeze(1)
        forces = edge_list.sum_over_edges(rest**2 * edge_vectors, centers, species.shape[0])
        return dict(atomic_energies=energies, forces=forces, ensemble_energies=torch.stack([energies, 2 * energies]))


def test_all_outputs_are_exported_and_the_metadata_say_the_layout(tmp_path):
    out, said = os.path.join(tmp_path, "m.onnx"), []
    pair = adapters.Adapter(Pair(), 3.0, 1, [1, 8], layout="list")
    pipeline.write(pair, out, kind="both", say=said.append)
    assert (metadata(out)["layout"], metadata(out)["hops"]) == ("list", 1)
    assert set(metadata(out)["provenance"]["largest_errors"]) == {"energy", "forces", "virial", "direct", "members"}
    assert [line for line in said if line.startswith("memory: ") and line.endswith("per edge")]
