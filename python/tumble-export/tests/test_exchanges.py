"""Rows of neighbors and sums over the structure: transposes, the functions in the file, and networks made of them."""

import numpy as np
import onnx
import pytest
import torch
from files import metadata
from networks import NETWORKS, adapter
from onnx import TensorProto
from test_pruning import CASES, run

from tumble_export import checks, custom_ops_onnx, exchanges, pipeline, systems, trace
from tumble_export.exchanges import SumOverStructure, neighbor_rows, structure_sum
from tumble_export.packing import Packing, slots_of
from tumble_export.pruning import either_way, nearest

TYPES = dict(neighbors=TensorProto.INT64, centers=TensorProto.INT64, replica=TensorProto.INT64)
RANKS = dict.fromkeys(TYPES, 1)  # others: 2


def ends(case):
    """neighbors, mask, reverse of a case, and the atom whose row each edge has, the edge's center if it has none."""
    _, neighbors, mask, reverse = CASES[case][:4]
    own = torch.arange(mask.shape[0]).unsqueeze(1).expand(mask.shape)
    return neighbors, mask, reverse, torch.where(neighbors < mask.shape[0], neighbors, own)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_edges_have_the_rows_of_their_neighbors(case, packed):
    *edges, atoms = ends(case)
    mask = edges[1]
    x = torch.randn(mask.shape[0], 3, dtype=torch.float64)
    packing = Packing(mask, slots_of(mask)) if packed else None
    found = neighbor_rows(x, *edges, packing)
    found = packing.padded(found) if packed else found.view(*mask.shape, -1)
    assert (found[mask] == x[atoms][mask]).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_sums_over_the_edges_that_point_to_a_center(case, packed):
    *edges, atoms = ends(case)
    mask = edges[1]
    packing = Packing(mask, slots_of(mask)) if packed else None
    x = torch.randn(mask.shape[0], 3, dtype=torch.float64, requires_grad=True)
    pull = torch.randn(*mask.shape, 3, dtype=torch.float64) * mask.unsqueeze(2)
    rows = pull.view(-1, 3)[packing.slots] if packed else pull.view(-1, 3)
    (found,) = torch.autograd.grad((neighbor_rows(x, *edges, packing) * rows).sum(), x)
    expected = torch.zeros_like(x).index_add(0, atoms.reshape(-1), pull.view(-1, 3))
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_rows_of_some_edges_have_both_ends_and_their_gradients(case):
    """Each center chooses a half of its edges by itself, so that most reversed edges are no rows."""
    neighbors, mask, reverse, atoms = ends(case)
    chosen = mask & (torch.rand(mask.shape, generator=torch.Generator().manual_seed(1)) < 0.5)
    packing, count = Packing(chosen, slots_of(chosen)), mask.shape[0]
    own, other = (torch.randn(count, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    centers = torch.arange(count).unsqueeze(1).expand(mask.shape)
    pull = torch.randn(packing.slots.shape[0], 3, dtype=torch.float64) * chosen.reshape(-1, 1)[packing.slots]
    expected = own[centers.reshape(-1)[packing.slots]] + other[atoms.reshape(-1)[packing.slots]]
    found = exchanges.ends(own, other, neighbors, reverse, packing)
    assert (found == expected)[chosen.reshape(-1)[packing.slots]].all()
    gradients = [torch.autograd.grad((rows * pull).sum(), (own, other)) for rows in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-13, atol=1e-13)


def test_sums_are_those_of_each_replica_and_their_own_transpose():
    replica, weights = torch.tensor([0, 0, 1, 2, 2, 2, 1, 0]), torch.tensor([1.0, 0.0, 0.5, 1.0, 2.0, 1.0]).double()
    x, y = torch.randn(2, 6, 3, dtype=torch.float64)
    own = replica[:6]
    expected = torch.stack([(weights[own == r, None] * x[own == r]).sum(0) for r in own])
    torch.testing.assert_close(structure_sum(x, weights, replica), expected)
    there, back = (SumOverStructure.apply(a, replica) * b for a, b in ((x, y), (y, x)))
    assert there.sum().item() == pytest.approx(back.sum().item(), rel=1e-13)


@pytest.mark.parametrize("case", CASES)
def test_functions_in_the_file_equal_torch(case):
    *edges, atoms = ends(case)
    neighbors, mask, _ = edges
    x = torch.randn(mask.shape[0], 4, dtype=torch.float64)
    own = torch.arange(mask.shape[0]).unsqueeze(1).expand(mask.shape).reshape(-1)
    rows = dict(rows=x.numpy(), neighbors=neighbors.reshape(-1).numpy(), centers=own.numpy())
    (found,) = run("NeighborRows", TYPES, RANKS, **rows)
    assert (found == x[atoms.reshape(-1)]).all()
    atoms = torch.arange(max(int(neighbors.max()) + 1, mask.shape[0]))
    for replica in (0 * atoms, atoms // 5, atoms % 3):
        (found,) = run("SumOverStructure", TYPES, RANKS, rows=x.numpy(), replica=replica.numpy())
        torch.testing.assert_close(found, SumOverStructure.apply(x, replica), rtol=1e-12, atol=1e-12)


def test_either_end_may_choose_an_edge():
    vectors, _, mask, reverse = CASES["periodic water"][:4]
    lengths = vectors.norm(dim=2)
    own = nearest(lengths, mask, 5)
    farthest = torch.where(own, lengths, 0.0).max(1).values
    assert (own.sum(1) == 5).all() and (torch.where(mask & ~own, lengths, 9.0).min(1).values > farthest).all()
    kept = either_way(own, reverse, torch.float64)
    back = own.reshape(-1)[reverse.reshape(-1)].view(own.shape)
    assert (kept == own | back).all() and (kept != own).any()


@pytest.fixture(scope="module", params=NETWORKS)
def written(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "m.onnx"
    pipeline.write(adapter(request.param), str(path), dtype=torch.float64, say=lambda _: None)
    return request.param, path


def test_files_equal_torch_with_ghosts_weights_and_replicas(written):
    name, path = written
    made = adapter(name)
    contract = trace.Contract(made.module.double())
    for centers in (24, 17):
        inputs = systems.inputs(*systems.water(8), 3.5, torch.float64, centers=centers, slots=60)
        given = (*inputs, torch.arange(24) % 3) if made.whole else inputs
        file = checks.session(str(path))
        found = file.run(None, {i.name: dict(zip(trace.INPUTS, given))[i.name].numpy() for i in file.get_inputs()})
        for one, expected in zip(found, contract(*given)):
            torch.testing.assert_close(torch.from_numpy(one), expected, rtol=1e-12, atol=1e-12)


def test_files_say_their_version_and_have_no_scatter(written):
    name, path = written
    stated = metadata(path)
    assert (stated["version"], stated.get("whole", False)) == (2, name == "pooled")
    names = custom_ops_onnx.names_in(onnx.load(path))
    assert ("SumOverStructure" in names) == (name == "pooled") and "NeighborRows" in names


def test_gradients_are_slopes(written):
    name, path = written
    made, file = adapter(name), checks.session(str(path))
    inputs = systems.inputs(*systems.water(8), 3.5, torch.float64, centers=20)
    edges = np.argwhere(inputs[2].numpy())[::97]

    def energy(edge, axis, shift):
        vectors = inputs[0].clone()
        vectors[tuple(edge)][axis] += shift
        return checks.evaluate(file, (vectors, *inputs[1:]))[0] @ inputs[5].numpy()

    gradients = checks.evaluate(file, inputs)[1]
    for edge in edges:
        for axis in range(3):
            slope = (energy(edge, axis, 1e-4) - energy(edge, axis, -1e-4)) / 2e-4
            assert slope == pytest.approx(gradients[tuple(edge)][axis], abs=1e-7)
    assert np.abs(gradients).max() > 1e-3 and made.hops > 1


def test_a_sum_over_the_structure_needs_an_energy_of_the_whole(tmp_path):
    made = adapter("pooled")
    made.whole = False
    with pytest.raises(SystemExit, match="the model sums over the structure, but its adapter says .* write whole=True"):
        pipeline.write(made, tmp_path / "m.onnx", dtype=torch.float64, say=lambda _: None)
