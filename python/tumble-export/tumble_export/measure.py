"""Time and memory of one evaluation in ONNX Runtime, on one thread."""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from . import structures, systems
from .checks import evaluate, named, session

ENOUGH = 100e6  # bytes: the rounding of the allocator is small beside this difference


def milliseconds(path, cutoff, dtype, runs=30):
    """Median time of energies and gradients of 192 atoms at the density of water, ms."""
    run, inputs = session(path), systems.inputs(*systems.water(64), cutoff, dtype)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        evaluate(run, inputs)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def peak(path, cutoff, dtype, atoms, species=(1, 8), note=lambda total: None, layout="padded"):
    """(slots or listed edges, bytes): peak memory of a fresh process above its state before the first evaluation.

    `note` is called with the peak of the whole process.
    """
    inputs = systems.inputs(*structures.material(species, atoms), cutoff, dtype, layout=layout)
    with tempfile.TemporaryDirectory() as scratch:
        arrays = os.path.join(scratch, "inputs.npz")
        np.savez(arrays, **{name: t.numpy() for name, t in named(inputs).items()})
        above, total = map(int, python("tumble_export.peak", path, arrays).split())
    note(total)
    return inputs[2].numel(), above


def python(module, *arguments):
    """The output of a module of this package in a fresh process."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = os.environ | {"PYTHONPATH": folder, "ORT_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def bytes_per_edge(path, cutoff, dtype, species=(1, 8), sizes=(375, 3000), note=lambda total: None, layout="padded"):
    """Peak working memory per padded slot or listed edge; `cutoff` in Å.

    The slope between two numbers of atoms: the first of `sizes` in turn that differ by enough memory, or the last two.
    `note` is called with the peak of each process.
    """
    small, large = None, peak(path, cutoff, dtype, sizes[0], species, note, layout)
    for atoms in sizes[1:]:
        small, large = large, peak(path, cutoff, dtype, atoms, species, note, layout)
        if large[1] - small[1] >= ENOUGH:
            break
    return round((large[1] - small[1]) / (large[0] - small[0]))
