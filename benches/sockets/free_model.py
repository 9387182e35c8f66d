#!/usr/bin/env python3
"""Writes a model of H and O with no cost, `free_model.py FILE`, to measure the round trip alone."""

import json
import sys

import onnx
from onnx import TensorProto, helper

METADATA = {
    "version": 1,
    "name": "free",
    "cutoff": 0.5,
    "hops": 1,
    "species": [1, 8],
    "length_unit": "angstrom",
    "energy_unit": "eV",
    "precision": "float32",
    "layout": "list",
    "forces": "conservative",
    "reference_energies": {},
    "symmetries": [],
    "bytes_per_edge": 100,
}


def main(path):
    real = TensorProto.FLOAT
    tensor = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Mul", ["weights", "zero"], ["atomic_energies"]),
        helper.make_node("Mul", ["edge_vectors", "zero"], ["edge_gradients"]),
    ]
    inputs = [tensor("edge_vectors", real, ["E", 3]), tensor("weights", real, ["C"])]
    outputs = [tensor("atomic_energies", real, ["C"]), tensor("edge_gradients", real, ["E", 3])]
    zero = helper.make_tensor("zero", real, [], [0.0])
    graph = helper.make_graph(nodes, "free", inputs, outputs, [zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"tumble": json.dumps(METADATA)})
    onnx.save(model, path)


if __name__ == "__main__":
    main(sys.argv[1])
