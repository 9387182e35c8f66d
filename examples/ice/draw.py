"""Draw energies of the cells, bare against averaged, and the errors: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

import numpy as np
from analysis.figures import panels, save

STATES = {"start": ("o", "#1f77b4", "as made"), "bare": ("s", "#d95f02", "relaxed (bare)")}


def molecular(state, grid):
    """Energies of the cells from their mean, meV/molecule."""
    energies = np.array(state[grid])
    return (energies - energies.mean()) / (state["atoms"] / 3)


def draw(results, path):
    """Two panels."""
    figure, axes = panels(1, 2, height=3.2)
    left, right = axes[0]
    for name, (marker, color, label) in STATES.items():
        state = results["states"][name]
        left.plot(molecular(state, "2i"), molecular(state, "bare"), marker, color=color, markersize=5, label=label)
        off = molecular(state, "bare") - molecular(state, "2i")
        right.plot(range(1, len(off) + 1), 1e3 * off, marker, color=color, markersize=5, label=label)
    left.axline((0, 0), slope=1, color="#888888", linewidth=0.8)
    left.set(xlabel="averaged (2i): energy / meV per molecule", ylabel="bare: energy / meV per molecule")
    left.set_title("Nine cells of ice Ih, from their mean")
    right.set(xlabel="cell", ylabel="bare − averaged / µeV per molecule")
    right.set_title("What differences between cells see of the error")
    for place in (left, right):
        place.grid(alpha=0.25)
        place.legend(fontsize=7)
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
