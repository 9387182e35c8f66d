"""Time and memory of one evaluation in ONNX Runtime, on one thread."""

import os
import subprocess
import sys
import time

import numpy as np
import torch

from . import structures, systems
from .checks import evaluate, session


def milliseconds(path, cutoff, dtype, runs=30):
    """Median time of energies and gradients of 192 atoms at the density of water, ms."""
    run, inputs = session(path), systems.inputs(*systems.water(64), cutoff, dtype)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        evaluate(run, inputs)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def peak(path, cutoff, double, atoms, species=(1, 8)):
    """(slots, bytes): peak memory of a fresh process above its state before the first evaluation."""
    arguments = (cutoff, int(double), atoms, ",".join(str(int(z)) for z in species))
    command = [sys.executable, "-m", "tumble_export.measure", path, *map(str, arguments)]
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = os.environ | {"PYTHONPATH": folder, "ORT_DISABLE_TELEMETRY": "1"}
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return tuple(int(word) for word in out.split())


def bytes_per_edge(path, cutoff, dtype, species=(1, 8), sizes=(375, 3000)):
    """Peak working memory per padded slot, from the slope between two numbers of atoms; `cutoff` in Å."""
    small, large = (peak(path, cutoff, dtype == torch.float64, n, species) for n in sizes)
    return round((large[1] - small[1]) / (large[0] - small[0]))


def status(key):
    """A line of /proc/self/status in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def main(path, cutoff, double, atoms, species):
    dtype = torch.float64 if int(double) else torch.float32
    kinds = [int(z) for z in species.split(",")]
    inputs = systems.inputs(*structures.material(kinds, int(atoms)), float(cutoff), dtype)
    run = session(path)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # resets the high-water mark
    before = status("VmRSS")
    evaluate(run, inputs)
    print(inputs[2].numel(), status("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
