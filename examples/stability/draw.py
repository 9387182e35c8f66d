"""Draw conserved quantities against time: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

import numpy as np
from analysis.figures import COLORS, panels, save

COLORS = {
    **COLORS,
    "grid": COLORS["octahedral"],
    "mts2": "#8c564b",
    "mts4": "#b08900",
    "mts8": COLORS["icosahedral"],
    "langevin-none": COLORS["none"],
    "langevin-random": COLORS["random"],
}
LABELS = {
    "grid": "octahedral",
    "mts2": "octahedral every 2",
    "mts4": "octahedral every 4",
    "mts8": "octahedral every 8",
    "langevin-none": "none, Langevin",
    "langevin-random": "random, Langevin",
}


def courses(axes, results, names, title):
    """Conserved quantity of some runs."""
    for name in filter(results.__contains__, names):
        r, style = results[name], "--" if name.startswith("langevin") else "-"
        label = LABELS.get(name, name)
        axes.plot(r["time"], r["conserved"], style, color=COLORS[name], label=label, linewidth=0.9)
    axes.set(xlabel="t / ps", ylabel="conserved − start / meV per atom")
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def heating(axes, results):
    """Predicted and measured heating."""
    names = [name for name in results if "random" in name]
    x = np.arange(len(names))
    values, errors = zip(*(results[name]["heating"] for name in names))
    axes.errorbar(x - 0.08, values, errors, fmt="o", color="#d95f02", capsize=3, label="from the conserved quantity")
    axes.plot(x + 0.08, [results[name]["predicted"] for name in names], "s", color="#1f77b4", label="σ² dt / 2m")
    axes.set(xticks=x, xticklabels=[LABELS.get(n, n) for n in names], xlim=(-0.6, len(names) - 0.4), ylabel="K / ps")
    axes.set_ylim(bottom=min(0, *axes.get_ylim()))
    axes.set_title("Heating")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def draw(results, path):
    """All panels."""
    figure, axes = panels(1, 3, width=11, height=3.2)
    courses(axes[0, 0], results, ["none", "grid", "mts2", "mts4", "mts8"], "Bare, and averaged every M steps")
    courses(axes[0, 1], results, ["none", "random", "langevin-none", "langevin-random"], "Random rotations")
    if any("random" in name for name in results):
        heating(axes[0, 2], results)
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
