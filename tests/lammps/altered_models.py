"""Partitioned models with more outputs, or with faults: `exchange-neighbors-f64` and a few nodes."""

import json
import sys

import numpy as np
import onnx
from lmp import ROOT, TOYS
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(ROOT / "python/tumble-export"))
from tumble_export import checksum  # noqa: E402

SOURCE = TOYS / "exchange-neighbors-f64.onnx"


class Altered:
    """The model, to which nodes are added."""

    def __init__(self):
        self.model = onnx.load(SOURCE)
        self.graph = self.model.graph

    def constant(self, value, dtype="float64"):
        """The name of a constant."""
        name = f"constant {len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def add(self, kind, *inputs, name=None, **attributes):
        """The name of a node's output."""
        name = name or f"added {len(self.graph.node)}"
        self.graph.node.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def rename(self, old, new):
        """Renames an output of a node, so that another node can take its place."""
        for node in self.graph.node:
            node.output[:] = [new if name == old else name for name in node.output]

    def save(self, path):
        """Writes the file; returns its path."""
        onnx.save(self.model, path)
        checksum.stamp(path)
        return path


def fragile(folder, kind):
    """A model that gives NaN (`kind` nan), or fails, for a center with an edge shorter than 0.5 Å."""
    made = Altered()
    made.rename("atomic_energies", "sound energies")
    product = made.add("Mul", "edge_vectors", "edge_vectors")
    squares, limit = made.add("ReduceSum", product, made.constant([2], "int64"), keepdims=0), made.constant(0.25)
    if kind == "nan":
        fault = made.add("Mul", made.add("Sqrt", made.add("Sub", squares, limit)), made.constant(0.0))
    else:
        short = made.add("Cast", made.add("Less", squares, limit), to=TensorProto.INT64)
        fault = made.add("Gather", made.constant([0.0]), made.add("Mul", short, made.constant(7, "int64")))
    faults = made.add("ReduceSum", fault, made.constant([1], "int64"), keepdims=0)
    made.add("Add", "sound energies", faults, name="atomic_energies")
    return made.save(folder / f"{kind}.onnx")


def ensemble(folder, factors):
    """A model whose ensemble has the energies of its atoms times these factors."""
    made = Altered()
    made.add("Mul", "atomic_energies", made.constant([[factor] for factor in factors]), name="ensemble_energies")
    shape = [len(factors), "C"]
    made.graph.output.append(helper.make_tensor_value_info("ensemble_energies", TensorProto.DOUBLE, shape))
    return made.save(folder / "ensemble.onnx")


def stating(folder, **entries):
    """The model with other entries in its metadata."""
    made = Altered()
    metadata = next(entry for entry in made.model.metadata_props if entry.key == "tumble")
    metadata.value = json.dumps({**json.loads(metadata.value), **entries})
    return made.save(folder / "stating.onnx")
