"""Pruned edges: the layout of the kept ones, the transpose, the functions in the file, and adaptive cutoffs."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tumble_export import custom_ops_onnx, systems
from tumble_export.checks import session
from tumble_export.metatrain.cutoff import Solver
from tumble_export.pruning import PruneEdges, RestoreEdges, narrowed

CASES = {
    "periodic water": systems.inputs(*systems.water(8), 5.0, torch.float64),
    "ghosts and spare slots": systems.inputs(*systems.water(8), 4.0, torch.float64, centers=17, slots=70),
    "one atom": systems.inputs(np.zeros((1, 3)), np.eye(3), np.array([8]), 4.0, torch.float64, periodic=False),
}


def marked(inputs, share):
    """(keep, neighbors, reverse): some edges are marked at random, not all of them in both directions."""
    _, neighbors, mask, reverse = inputs[:4]
    chance = torch.rand(mask.shape, generator=torch.Generator().manual_seed(1))
    return mask & (chance < share), neighbors, reverse


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_kept_edges_are_those_marked_in_both_directions(case, share):
    keep, neighbors, reverse = marked(CASES[case], share)
    kept_neighbors, kept_mask, kept_reverse = narrowed(keep, neighbors, reverse)
    both = keep & keep.reshape(-1)[reverse]
    assert kept_mask.shape[1] == max(1, int(both.sum(1).max()))
    for row, chosen in enumerate(both):
        assert kept_neighbors[row][kept_mask[row]].tolist() == neighbors[row][chosen].tolist()
    flat = kept_reverse.reshape(-1)
    assert (flat[flat] == torch.arange(len(flat))).all()
    numbers = torch.arange(both.numel()).view(*both.shape, 1).double()
    slots = PruneEdges.apply(numbers, keep, neighbors, reverse, kept_mask).long().reshape(-1)
    there = kept_mask.reshape(-1)
    assert (slots[flat][there] == reverse.reshape(-1)[slots][there]).all()


@pytest.mark.parametrize("case", CASES)
def test_restoring_is_the_transpose(case):
    keep, neighbors, reverse = marked(CASES[case], 0.5)
    mask = narrowed(keep, neighbors, reverse)[1]
    x, y = torch.randn(*keep.shape, 3).double(), torch.randn(*mask.shape, 3).double() * mask.unsqueeze(2)
    pruned = PruneEdges.apply(x, keep, neighbors, reverse, mask)
    restored = RestoreEdges.apply(y, keep, neighbors, reverse, mask)
    assert (pruned * y).sum().item() == pytest.approx((x * restored).sum().item(), rel=1e-12, abs=1e-12)


RANKS = dict(rows=3, kept=3, restored=3, count=0, cutoff=0, width=0, root=1, rise=1)  # others: 2


def info(name, types, ranks):
    """Type and shape of a tensor, with free sizes."""
    shape = [f"{name}_{axis}" for axis in range(ranks.get(name, 2))]
    return helper.make_tensor_value_info(name, types.get(name, TensorProto.DOUBLE), shape)


def function_of(name, types, ranks):
    """A session of one node, evaluated by its function in standard operators."""
    _, inputs, _, outputs = custom_ops_onnx.STEPS[name]
    node = helper.make_node(name, inputs, outputs, domain="tumble")
    infos = [info(n, types, ranks) for n in [*inputs, *outputs]]
    graph = helper.make_graph([node], name, infos[: len(inputs)], infos[len(inputs) :])
    opsets = [helper.make_opsetid("", custom_ops_onnx.OPSET), helper.make_opsetid("tumble", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=[custom_ops_onnx.function(name)], ir_version=10)
    onnx.checker.check_model(model)
    return session(model.SerializeToString())


def run(name, types, ranks=RANKS, **given):
    return [torch.from_numpy(found) for found in function_of(name, types, ranks).run(None, given)]


TYPES = dict(keep=TensorProto.BOOL, mask=TensorProto.BOOL, neighbors=TensorProto.INT64, reverse=TensorProto.INT64)
TYPES |= dict(kept_mask=TensorProto.BOOL, kept_neighbors=TensorProto.INT64, kept_reverse=TensorProto.INT64)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_functions_in_the_file_equal_torch(case, share):
    keep, neighbors, reverse = marked(CASES[case], share)
    expected, rows = narrowed(keep, neighbors, reverse), torch.randn(*keep.shape, 2).double()
    arrays = dict(keep=keep.numpy(), neighbors=neighbors.numpy(), reverse=reverse.numpy())
    kept, *layout = run("PruneEdges", TYPES, rows=rows.numpy(), **arrays)
    there = expected[1].unsqueeze(2)
    assert (layout[1] == expected[1]).all() and (layout[2] == expected[2]).all()
    assert (layout[0] * layout[1] == expected[0] * expected[1]).all()
    assert (kept * there == PruneEdges.apply(rows, keep, neighbors, reverse, expected[1]) * there).all()
    del arrays["neighbors"]
    (restored,) = run("RestoreEdges", TYPES, rows=kept.numpy(), **arrays)
    assert (restored == RestoreEdges.apply(kept, keep, neighbors, reverse, expected[1])).all()


@pytest.mark.parametrize("case", CASES)
def test_function_of_adaptive_cutoffs_equals_torch(case):
    vectors, _, mask, _ = CASES[case][:4]
    solver, distances = Solver(6, 5.0, 1.0).double(), vectors.norm(dim=2)
    given = dict(count=solver.count, cutoff=solver.cutoff, width=solver.function.width)
    arrays = {name: value.numpy() for name, value in given.items()}
    found = run("AdaptiveCutoff", TYPES, distances=distances.numpy(), mask=mask.numpy(), **arrays)
    for result, expected in zip(found, solver.root(distances, mask)):
        torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
