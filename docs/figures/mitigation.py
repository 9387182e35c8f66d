"""Measure what each mitigation costs and what it leaves, and draw it: the table of docs/choosing.md and its figure.

    python docs/figures/mitigation.py examples/models/water-pet.onnx snapshots.xyz
    python docs/figures/mitigation.py                                               # draw what was measured

Runs `target/release/tumble eval` on the snapshots for every mitigation. The error is the root mean square difference
from the average over a grid that is exact through degree 8, with inversion. Needs matplotlib and numpy.
"""

import json
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, NullFormatter

HERE = Path(__file__).resolve().parent
TUMBLE = HERE.parents[1] / "target/release/tumble"
REFERENCE = ("degree:8", True)
SPECS = ["none", "random", "tetrahedral", "octahedral", "icosahedral", "legendre:2", "legendre:3", "lebedev:3"]
# Where labels would cover each other: points to the right and up, and which end of the text is there.
PLACES = {
    ("lebedev:3", False): (-7, 6, "right"),
    ("legendre:2", False): (-7, -1, "right"),
    ("octahedral", False): (-7, -8, "right"),
    ("icosahedral", False): (-4, -10, "right"),
    ("octahedral", True): (7, 4, "left"),
    ("lebedev:3", True): (7, -5, "left"),
    ("legendre:2", True): (-7, -3, "right"),
}


def evaluate(model, structures, spec, inversion):
    """Energies [frames] in eV, forces [frames][atoms, 3] in eV/Å, evaluations a frame, and the spreads."""
    command = [TUMBLE, "eval", model, structures, "--json", "--rotate", spec, *(["--inversion"] if inversion else [])]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    frames = [json.loads(line) for line in lines]
    return [f["energy"] for f in frames], [np.array(f["forces"]) for f in frames], frames[0]["evaluations"]


def errors(result, reference):
    """Root mean square over frames of the energy (meV/atom) and over components of the forces (meV/Å)."""
    energies = [(e - r) / len(f) for e, r, f in zip(result[0], reference[0], result[1])]
    forces = np.concatenate([(f - r).ravel() for f, r in zip(result[1], reference[1])])
    return 1e3 * np.sqrt(np.mean(np.square(energies))), 1e3 * np.sqrt(np.mean(np.square(forces)))


def measure(model, structures):
    """One row a mitigation: name, inversion, evaluations, energy error, force error."""
    reference = evaluate(model, structures, *REFERENCE)
    rows = []
    for spec in SPECS:
        for inversion in (False, True):
            result = evaluate(model, structures, spec, inversion)
            rows.append([spec, inversion, result[2], *errors(result, reference)])
            print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def table(rows):
    """Markdown."""
    lines = ["| `rotate` | `inversion` | evaluations | energy error, meV/atom | force error, meV/Å |"]
    lines += ["|---|---|---|---|---|"]
    lines += [f"| `{s}` | {'yes' if i else 'no'} | {n} | {e:.4f} | {f:.3f} |" for s, i, n, e, f in rows]
    return "\n".join(lines)


def draw(rows, path):
    """Cost against the error of the forces, log-log; readable on a light and on a dark page."""
    figure, axes = plt.subplots(figsize=(7, 4.2), facecolor="white")
    styles = [(False, "o", "#1f77b4", (-7, -4, "right")), (True, "s", "#d95f02", (7, 2, "left"))]
    for inversion, marker, colour, usual in styles:
        points = [row for row in rows if row[1] == inversion and row[0] != "random"]
        label = "with inversion" if inversion else "rotations only"
        axes.plot([r[2] for r in points], [r[4] for r in points], marker, color=colour, label=label, markersize=6)
        for spec, _, count, _, force in points:
            right, up, side = PLACES.get((spec, inversion), usual)
            place = {"xytext": (right, up), "textcoords": "offset points", "ha": side, "va": "center"}
            axes.annotate(spec, (count, force), **place, fontsize=7, color=colour)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(0.6, 500),
        xlabel="evaluations of the model a step",
        ylabel="force error / meV Å$^{-1}$",
    )
    for axis, at in ((axes.xaxis, [1, 2, 5, 10, 20, 50, 100, 200]), (axes.yaxis, [0.2, 0.5, 1, 2, 5])):
        axis.set_major_locator(FixedLocator(at))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25, which="both")
    axes.legend(frameon=False)
    axes.set_title("What averaging over rotations leaves of the broken symmetry (liquid water)", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main(model=None, structures=None):
    """Measure, print the table, and write the numbers and the figure beside this script."""
    if model:
        (HERE / "mitigation.json").write_text(json.dumps(measure(model, structures)) + "\n")
    rows = json.loads((HERE / "mitigation.json").read_text())
    draw(rows, HERE / "mitigation.svg")
    print(table(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
