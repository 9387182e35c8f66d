"""Measure where the time of a step goes, for 3, 192 and 12,288 atoms of water, and draw it.

    python docs/figures/profile.py examples/models/water-pet.onnx examples/liquid/water-64.data
    python docs/figures/profile.py                                               # draw what was measured

Runs `target/release/tumble bench` with `--profile`: its own times for neighbor list and the rest, and ONNX Runtime's
for each node of the model, summed by what the node does. Needs matplotlib, numpy and ase.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import ase.io
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
TUMBLE = HERE.parents[1] / "target/release/tumble"
REPEATS = {192: 1, 12288: 4}
SECONDS = {3: 3, 192: 10, 12288: 30}
# What a node does, by its operator; others move data from one place or shape to another.
KINDS = {
    "products of matrices": ["MatMul", "FusedMatMul", "Gemm"],
    "attention": ["Attention", "AttentionGradient"],
    "activations, softmax, norms": [
        *["Gelu", "FastGelu", "QuickGelu", "Erf", "Tanh", "Sigmoid", "Softmax", "SoftmaxGrad_13", "Exp", "Sqrt"],
        *["LayerNormalization", "SimplifiedLayerNormalization", "Pow", "Reciprocal", "Cos", "Sin", "Log"],
        *["Silu", "SiluGradient", "Glu", "GluGradient", "RmsNorm", "RmsNormGradient"],
        *["LayerNorm", "LayerNormGradient"],
    ],
    "sums and products by element": [
        *["Add", "Sub", "Mul", "Div", "Neg", "ReduceSum", "ReduceMean", "Sum", "BiasGelu", "Max", "Min"],
        *["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "Where", "And", "Not", "Clip", "Abs"],
    ],
}
MOVES = "moving data"
COLORS = {
    "neighbor list": "#c62828",
    "rotating, packing, averaging": "#ef6c00",
    "products of matrices": "#1f5fa8",
    "attention": "#2e8b7a",
    "activations, softmax, norms": "#5c9bd6",
    "sums and products by element": "#8a6fb3",
    MOVES: "#9e9e9e",
    "between nodes": "#d8d8d8",
}


def structures(data, folder):
    """Extended XYZ of each size: a molecule of the liquid by itself, the liquid, the liquid repeated."""
    liquid = ase.io.read(data, format="lammps-data", atom_style="atomic")
    molecule = alone(liquid)
    frames = {3: molecule} | {size: liquid.repeat(repeat) for size, repeat in REPEATS.items()}
    for size, atoms in frames.items():
        ase.io.write(folder / f"{size}.xyz", atoms, format="extxyz")
    return frames


def alone(liquid):
    """The first oxygen and its two hydrogens in vacuum."""
    first = next(index for index, symbol in enumerate(liquid.symbols) if symbol == "O")
    hydrogens = [index for index, symbol in enumerate(liquid.symbols) if symbol == "H"]
    near = sorted(hydrogens, key=lambda index: liquid.get_distance(first, index, mic=True))[:2]
    vectors = liquid.get_distances(first, near, mic=True, vector=True)
    return ase.Atoms("OH2", positions=[[0, 0, 0], *vectors])


def measure(model, data):
    """For each size the milliseconds of a step, and what share each part has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {size: shares(model, folder, size) for size in structures(data, folder)}


def shares(model, folder, size):
    """A step of one size."""
    prefix = folder / f"nodes-{size}"
    command = [TUMBLE, "bench", model, folder / f"{size}.xyz", "--seconds", str(SECONDS[size]), "--json", "--memory"]
    command += ["16384"]
    environment = os.environ | dict(ORT_DISABLE_TELEMETRY="1")
    # Profiling costs time at every node, so that shares outside the model are told by a run without it.
    plain = run(command, environment)
    run([*command, "--profile", prefix], environment)
    # One of each session: a large structure is evaluated by one for each layer, forward and backward.
    traces = folder.glob(f"nodes-{size}[-_]*.json")
    nodes = kinds([event for trace in traces for event in json.loads(trace.read_text())])
    parts = {"neighbor list": plain["neighbors_ms"], "rotating, packing, averaging": plain["rest_ms"]}
    parts |= {kind: share * plain["model_ms"] for kind, share in nodes.items()}
    total = sum(parts.values())
    return dict(ms=total, shares={part: time / total for part, time in parts.items()})


def run(command, environment):
    """The only structure of `tumble bench --json`."""
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(text)["structures"][0]


def kinds(events):
    """Share of the model's time by kind of node; what no node takes is between them."""
    times = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times[kind(event["args"]["op_name"])] += event["dur"]
    whole = sum(event["dur"] for event in events if event["name"] == "model_run")
    return {kind: times[kind] / whole for kind in [*KINDS, MOVES]} | {"between nodes": 1 - times.total() / whole}


def kind(operator):
    """What a node does."""
    return next((kind for kind, operators in KINDS.items() if operator in operators), MOVES)


def three_digits(number):
    """Without an exponent."""
    return f"{float(f'{number:.3g}'):,g}"


def draw(results):
    """One bar for each size."""
    figure, axes = plt.subplots(figsize=(8, 2.6))
    labels = [f"{int(size):,} atoms\n{three_digits(result['ms'])} ms" for size, result in results.items()]
    left = [0.0] * len(results)
    for part, color in COLORS.items():
        widths = [100 * result["shares"][part] for result in results.values()]
        axes.barh(labels, widths, left=left, color=color, label=part, height=0.62)
        left = [a + b for a, b in zip(left, widths)]
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of a step, %")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="lower center", ncols=4, fontsize=8, frameon=False)
    figure.subplots_adjust(left=0.14, right=0.98, top=0.97, bottom=0.42)
    plt.rcParams["svg.hashsalt"] = "tumble"
    figure.savefig(HERE / "profile.svg", metadata={"Date": None})


def main(*arguments):
    """Measures, if told what, and draws."""
    path = HERE / "profile.json"
    if arguments:
        path.write_text(json.dumps(measure(*arguments), indent=1) + "\n")
    draw(json.loads(path.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
