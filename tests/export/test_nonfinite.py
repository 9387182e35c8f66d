"""A file that gives NaN is refused with the node and the edge that it begins with."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tumble_export import nonfinite

CENTERS, COUNT = 4, 3


def inputs():
    """Four atoms; the second has an edge of length 0 in its second slot, the last one has padding only."""
    vectors = np.random.default_rng(1).normal(size=(CENTERS, COUNT, 3)) + 2.0
    vectors[1, 1] = 0.0
    mask = np.ones((CENTERS, COUNT), bool)
    mask[0, 2] = mask[3] = False
    neighbors = np.array([[1, 2, 0], [0, 2, 3], [0, 1, 3], [0, 0, 0]])
    return dict(edge_vectors=vectors, mask=mask, neighbors=neighbors, species=np.array([8, 1, 1, 6]))


def saved(path, nodes, constants=()):
    """A model of nodes that make `atomic_energies`."""
    value = helper.make_tensor_value_info
    given = [value("edge_vectors", TensorProto.DOUBLE, ["C", "K", 3]), value("mask", TensorProto.BOOL, ["C", "K"])]
    out = value("atomic_energies", TensorProto.DOUBLE, None)
    tensors = [onnx.numpy_helper.from_array(np.array(array), name) for name, array in dict(constants).items()]
    graph = helper.make_graph(nodes, "g", given, [out], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def lengths():
    return [
        helper.make_node("Mul", ["edge_vectors", "edge_vectors"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "last"], ["r2"], keepdims=0),
        helper.make_node("Sqrt", ["r2"], ["r"], name="length"),
    ]


LAST = dict(last=np.array([2]), zero=np.array(0.0), flat=np.array([-1]))


def test_a_division_by_a_length_of_zero_is_told_with_its_edge(tmp_path):
    nodes = [
        *lengths(),
        helper.make_node("Div", ["r", "r"], ["one"], name="unit"),
        helper.make_node("ReduceSum", ["one"], ["atomic_energies"]),
    ]
    found = nonfinite.sentence(saved(tmp_path / "m.onnx", nodes, LAST), inputs())
    assert found == (
        'the first NaN is that of the node Div "unit", one = Div(r, r), for the edge from atom 2 (Z = 1) to atom 3 '
        "(Z = 1), of length 0"
    )


def test_infinity_counts_where_there_is_no_nan(tmp_path):
    nodes = [*lengths(), helper.make_node("Log", ["r"], ["atomic_energies"])]
    found = nonfinite.sentence(saved(tmp_path / "m.onnx", nodes, LAST), inputs())
    assert found.startswith(
        "the first infinity is that of the node Log, atomic_energies = Log(r), for the edge from atom 2"
    )


def test_masks_of_minus_infinity_are_not_blamed(tmp_path):
    constants = LAST | dict(low=np.array(-np.inf))
    nodes = [
        *lengths(),
        helper.make_node("Where", ["mask", "r", "low"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["shares"], axis=1),
        helper.make_node("ReduceSum", ["shares"], ["atomic_energies"]),
    ]
    found = nonfinite.sentence(saved(tmp_path / "m.onnx", nodes, constants), inputs())
    assert found == (
        "the first NaN is that of the node Softmax, shares = Softmax(logits), in padding (slot 1 of atom 4 (Z = 6)): "
        "replace the values in padding first"
    )


def test_a_finite_model_has_nothing_to_tell(tmp_path):
    nodes = [*lengths(), helper.make_node("Identity", ["r"], ["atomic_energies"])]
    assert nonfinite.sentence(saved(tmp_path / "m.onnx", nodes, LAST), inputs()) == ""


@pytest.mark.parametrize(
    "shape, index, expected",
    [
        ((4, 3), (2, 1), ", for the edge from atom 3 (Z = 1) to atom 2 (Z = 1), of length "),
        ((4, 3, 5), (0, 2, 1), ", in padding (slot 3 of atom 1 (Z = 8))"),
        ((12, 7), (3, 0), ""),  # 8 edges and 4 centers are as many as slots
        ((8, 7), (2, 0), ", for the edge from atom 2 (Z = 1) to atom 1 (Z = 8), of length "),
        ((4,), (3,), ", for atom 4 (Z = 6)"),
        ((4, 7), (3, 1), ", for atom 4 (Z = 6)"),
        ((5, 7), (3, 1), ""),
        ((), (), ""),
    ],
)
def test_rows_belong_to_edges_and_atoms(shape, index, expected):
    found = nonfinite.place(shape, index, inputs())
    assert found.startswith(expected) and (expected or not found)


def test_tokens_are_the_centers_and_then_the_edges():
    given = inputs()
    given["mask"][2, 2] = False  # 7 edges: C + E is another number than C · K
    assert nonfinite.place((12, 2), (3, 0), given).startswith(", for the edge from atom 2 (Z = 1) to atom 1 (Z = 8)")
    assert nonfinite.place((11, 2), (1, 0), given) == ", for atom 2 (Z = 1)"
    assert nonfinite.place((11, 2), (4, 0), given).startswith(", for the edge from atom 1 (Z = 8) to atom 2 (Z = 1)")
