"""The example of a JAX model, which compares its file with JAX before it writes it; in an environment of its own."""

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip("jax2onnx")
onnx = pytest.importorskip("onnx")
EXAMPLE = Path(__file__).parents[3] / "examples" / "export" / "morse_jax.py"


def test_the_example_is_exported(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("morse_jax", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.main(str(tmp_path / "m.onnx"))
    assert capsys.readouterr().out.count("edge_gradients differ by") == 3
    made = onnx.load(tmp_path / "m.onnx")
    assert json.loads({entry.key: entry.value for entry in made.metadata_props}["tumble"])["name"] == "morse-jax"
    names = [value.name for value in (*made.graph.input, *made.graph.output)]
    assert names == ["edge_vectors", "mask", "weights", "atomic_energies", "edge_gradients"]
