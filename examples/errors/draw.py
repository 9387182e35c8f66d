"""Draw errors of grids against evaluations, beside the paper's: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

from analysis.figures import panels, save

# Mean |E_grid - E_3i|, meV a cell, of the PET of arXiv:2406.17747: from the data archive of that paper (SI Fig. 1).
PAPER = {
    "test": {"none": 5.085, "i": 2.569, "2": 0.558, "2i": 0.284, "3": 0.157},
    "bulk": {"none": 7.938, "i": 4.880, "2": 1.088, "2i": 0.683, "3": 0.415},
    "molecule": {"none": 2.822, "i": 1.058, "2": 0.0836, "2i": 0.0453, "3": 0.0151},
}
TITLES = {"test": "Test set, 192 atoms", "bulk": "Bulk MD (ours 192 atoms, paper's 1536)", "molecule": "Molecule MD"}


def panel(axes, name, found):
    """One set of frames."""
    grids = {short: row for short, row in found["grids"].items() if short != "3i"}
    x = {short: row["evaluations"] for short, row in grids.items()}
    means, errors = ([row[key] for row in grids.values()] for key in ("mean", "error"))
    axes.errorbar(list(x.values()), means, errors, fmt="o", color="#1f77b4", markersize=4, label="tumble's water-pet")
    paper = PAPER.get(name, {})
    axes.plot(
        [x[short] for short in paper], list(paper.values()), "s", color="#d95f02", markersize=4, label="paper's PET"
    )
    for short, row in grids.items():
        place = {"xytext": (4, -10 if short == "Ti" else 4), "textcoords": "offset points"}
        axes.annotate(short, (row["evaluations"], row["mean"]), fontsize=7, color="#1f77b4", **place)
    axes.set(xscale="log", yscale="log", xlabel="evaluations", ylabel="mean |E − E$_{3i}$| / meV a cell")
    axes.set_title(TITLES.get(name, name))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def draw(results, path):
    """A panel for each set of frames."""
    figure, axes = panels(1, len(results), width=3.4 * len(results), height=3.3)
    for place, (name, found) in zip(axes[0], results.items()):
        panel(place, name, found)
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
