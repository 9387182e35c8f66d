"""Weights in a second file, as PyTorch and onnx write them, are read beside the model, from any working directory."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/data/models/exported-pet-f64.onnx"
WATER = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n"


def run(command, folder, text=""):
    program = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
    return subprocess.run([program, *map(str, command)], cwd=folder, input=text, capture_output=True, text=True)


def energy(model, folder):
    found = run(["eval", model, "-", "--json"], folder, WATER)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)["energy"]


def saved(folder, factor):
    """The model with its weights times a factor, in two files."""
    folder.mkdir()
    model = onnx.load(MODEL)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and factor != 1.0:
            tensor.CopyFrom(onnx.numpy_helper.from_array((values * factor).astype(values.dtype), tensor.name))
    path = folder / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=16)
    assert run(["checksum", path], folder).returncode == 0
    return path


@pytest.fixture
def two(tmp_path):
    return saved(tmp_path / "right", 1.0), saved(tmp_path / "wrong", 1.05)


def test_weights_are_read_beside_the_model(two):
    right, wrong = two
    expected = energy(MODEL, ROOT)
    assert energy(right, right.parent) == energy(right, wrong.parent) == energy(right.resolve(), ROOT) == expected
    assert abs(energy(wrong, right.parent) - expected) > 1e-3
    assert (right.parent / "model.onnx.data").stat().st_size > 10_000


def test_weights_are_in_the_hash_and_in_the_checksum(two):
    right, wrong = two
    hashes = [json.loads(run(["info", path, "--json"], ROOT).stdout)["sha256"] for path in (right, wrong)]
    assert hashes[0] != hashes[1]
    data = right.parent / "model.onnx.data"
    flipped = bytearray(data.read_bytes())
    flipped[np.random.default_rng(1).integers(len(flipped))] ^= 1
    for changed in (bytes(flipped), (wrong.parent / "model.onnx.data").read_bytes()):
        data.write_bytes(changed)
        found = run(["eval", right, "-"], ROOT, WATER)
        assert found.returncode == 1 and f"the model {right} is damaged: " in found.stderr


def test_weights_that_link_to_themselves_are_refused(two):
    right, _ = two
    data = right.parent / "model.onnx.data"
    data.unlink()
    data.symlink_to(data.name)
    error = run(["eval", right, "-"], ROOT, WATER).stderr
    assert f"put a readable file in its place, in {right.parent}" in error


def test_a_model_without_its_weights_is_refused(two):
    right, _ = two
    (right.parent / "model.onnx.data").unlink()
    error = run(["eval", "model.onnx", "-"], right.parent, WATER).stderr
    assert 'the model model.onnx keeps weights in "model.onnx.data", which cannot be read (No such file' in error
    assert f"put it beside the model, into {right.parent}" in error
