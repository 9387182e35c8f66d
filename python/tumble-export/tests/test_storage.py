"""Files of exported models: aligned weights, and weights in a second file."""

import numpy as np
import onnx
import pytest
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array, to_array

from tumble_export import aligned, storage


def model(shift=0):
    """A product with a weight of 4 kB, and a name that shifts its place in the file."""
    weight = np.arange(1024, dtype=np.float32).reshape(16, 64)
    ends = [make_tensor_value_info(name, 1, ["n", size]) for name, size in (("x", 16), ("y", 64))]
    weights = [from_array(weight, "w" * (shift + 1)), from_array(np.float32([2.0]), "two")]
    nodes = [make_node("MatMul", ["x", weights[0].name], ["z"]), make_node("Mul", ["z", "two"], ["y"])]
    graph = make_graph(nodes, "g", ends[:1], ends[1:], initializer=weights)
    return make_model(graph, opset_imports=[make_opsetid("", 20)], ir_version=10), weight


@pytest.mark.parametrize("shift", range(9))
def test_weights_are_aligned_in_the_file(tmp_path, shift):
    exported, weight = model(shift)
    path = tmp_path / "m.onnx"
    onnx.save(exported, path)
    stated = storage.finish(path)
    data = path.read_bytes()
    assert data.index(weight.tobytes()) % aligned.ALIGNMENT == 0
    again = onnx.load(path)
    onnx.checker.check_model(again, full_check=True)
    assert [to_array(t).tolist() for t in again.graph.initializer] == [weight.tolist(), [2.0]]
    assert again.metadata_props[-1].value == stated
    assert storage.finish(path) == stated
    assert path.read_bytes() == data


def test_large_weights_are_in_a_second_file(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "LONGEST", 1000)
    exported, weight = model()
    (tmp_path / "scratch").mkdir()
    path, out = tmp_path / "scratch" / "m.onnx", tmp_path / "m.onnx"
    storage.save(exported, path)
    # again, as with metadata that are known later
    storage.save(exported, path)
    stated = storage.finish(path)
    storage.put(path, out)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data", "scratch"]
    assert storage.size(out) == sum(file.stat().st_size for file in tmp_path.glob("m.onnx*"))
    onnx.checker.check_model(str(out), full_check=True)
    again = onnx.load(out)
    assert to_array(again.graph.initializer[0]).tolist() == weight.tolist()
    assert again.metadata_props[-1].value == stated
    (tmp_path / "m.onnx.data").write_bytes(b"x" + storage.weights_file(out).read_bytes()[1:])
    assert storage.finish(out) != stated
