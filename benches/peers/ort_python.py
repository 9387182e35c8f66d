"""ONNX Runtime alone, from Python, on prepared tensors, with its default settings except the number of threads."""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime


def make(job):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    inputs = read(Path(job["tensors"]))

    def evaluate():
        start = time.perf_counter()
        session.run(None, inputs)
        return time.perf_counter() - start

    energies = session.run(["atomic_energies"], inputs)[0]
    return evaluate, job["baseline"] + float(energies.sum(dtype=np.float64))


def read(folder):
    """Tensors by name."""
    entries = json.loads((folder / "inputs.json").read_text())
    return {e["name"]: np.fromfile(folder / f"{e['name']}.bin", e["kind"]).reshape(e["shape"]) for e in entries}
