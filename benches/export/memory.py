"""Memory of a process that evaluates once: for the evaluation, and in total."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def megabytes(name, path, atoms):
    """[evaluation, whole process] of a fresh process, MB: the high-water mark above the state before, and in total."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    with tempfile.TemporaryDirectory() as folder:
        if name == "file":
            from contestants import MAKERS, frame

            np.savez(f"{folder}/inputs.npz", **MAKERS[name](path, frame(atoms), 1).inputs)
        command = [sys.executable, __file__, name, str(path), str(atoms), f"{folder}/inputs.npz"]
        out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return [int(word) for word in out.splitlines()[-1].split()]


def status(key):
    """A line of /proc/self/status in MB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1000 for line in file if line.startswith(key))


def file(path, inputs):
    """One evaluation in a process without torch, like the drivers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.enable_mem_pattern = 1, False
    session = onnxruntime.InferenceSession(str(path.with_suffix(".onnx")), options, providers=["CPUExecutionProvider"])
    tensors = dict(np.load(inputs))
    return lambda: session.run(None, tensors)


def other(name, path, atoms):
    """One evaluation with torch."""
    sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python/tumble-export")]
    import torch
    from contestants import MAKERS, frame

    torch.set_num_threads(1)
    return MAKERS[name](path, frame(atoms), 1)


def main(name, path, atoms, inputs):
    evaluate = file(Path(path), inputs) if name == "file" else other(name, Path(path), int(atoms))
    with open("/proc/self/clear_refs", "w") as mark:
        mark.write("5")  # resets the high-water mark
    before = status("VmRSS")
    evaluate()
    print(status("VmHWM") - before, status("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
