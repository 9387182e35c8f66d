"""Peak memory of one evaluation in a fresh process: `python -m tumble_export.peak FILE ARRAYS.npz`. Needs no torch."""

import sys

import numpy as np
import onnxruntime


def status(key):
    """A line of /proc/self/status in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def session(path):
    """An ONNX Runtime session on one thread, as the driver runs a file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main(path, arrays):
    """Print the bytes above the state before the first evaluation, and those of the whole process."""
    run, inputs = session(path), dict(np.load(arrays))
    wanted = {i.name: inputs[i.name] for i in run.get_inputs()}
    loading = status("VmHWM")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # resets the high-water mark
    before = status("VmRSS")
    run.run(None, wanted)
    print(status("VmHWM") - before, max(loading, status("VmHWM")))


if __name__ == "__main__":
    main(*sys.argv[1:])
