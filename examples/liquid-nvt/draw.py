"""Draw structure and dynamics of liquid water: draw.py results.json figure.svg.

The figure includes the output of reweight.py beside results.json, if there is any.
"""

import json
import sys
from pathlib import Path

import numpy as np
from analysis.figures import COLORS, panels, save
from analysis.orientation import BINS
from tables import beside

COLORS = {**COLORS, "turned": COLORS["octahedral"], "grid": COLORS["icosahedral"], "mts": "#b08900"}
LABELS = {"turned": "octahedral+random", "grid": "octahedral", "mts": "octahedral every 4"}
CURVES = [
    ("pairs", "distances", "r / Å", "g$_{OO}$", "O-O pair correlation"),
    ("dipoles", "distances", "r / Å", "g ⟨cos⟩", "Dipole correlation"),
    ("displacement", "times", "t / ps", "⟨r²⟩ / Å²", "Mean square displacement"),
    ("single", "times", "t / ps", "⟨u(0)·u(t)⟩", "Dipole of a molecule"),
    ("total", "times", "t / ps", "⟨M(0)·M(t)⟩ / N", "Total dipole"),
]


def curve(axes, key, cases, across, xlabel, ylabel, title):
    """One observable of all runs, with bands of one error; dashed for i-PI."""
    for name, c in cases.items():
        short = name.removeprefix("ipi-")
        label = LABELS.get(short, short)
        x, y, e = (np.array(c[k]) for k in (across, key, f"{key}_error"))
        style = {"color": COLORS[short], "linewidth": 1.1, "linestyle": "--" if short != name else "-"}
        axes.plot(x, y, label=f"i-PI, {label}" if short != name else label, **style)
        axes.fill_between(x, y - e, y + e, color=COLORS[short], alpha=0.15, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title)
    axes.grid(alpha=0.25)


def left(axes, cases):
    """Standard deviation of the free energy over orientations."""
    for shift, axis in ((-0.1, "dipole"), (0.1, "normal")):
        y, e = ([c[axis][key] for c in cases.values()] for key in ("deviation", "deviation_error"))
        axes.errorbar(np.arange(len(y)) + shift, y, e, fmt="os"[shift > 0], markersize=4, capsize=3, label=axis)
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.set(xticks=range(len(cases)), ylabel="standard deviation of F / kT")
    axes.set_xticklabels(cases, rotation=30)
    axes.set_title("Free energy over orientations")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def sphere(figure, axes, name, c, scale):
    """Map of the free energy over the dipole's direction."""
    image = axes.imshow(
        np.reshape(c["dipole"]["map"], BINS),
        origin="lower",
        extent=(-180, 180, -1, 1),
        aspect="auto",
        cmap="coolwarm",
        vmin=-scale,
        vmax=scale,
    )
    figure.colorbar(image, ax=axes, label="kT")
    axes.set(xlabel="φ / degrees", ylabel="cos θ", xticks=[-180, -90, 0, 90, 180])
    axes.set_title(f"F over the dipole's direction, {LABELS.get(name, name)}")


def change(axes, reweighted, key, title):
    """Difference of the average from the bare model, with a band of one error."""
    x, y, e = (np.array(v) for v in (reweighted["distances"], reweighted[key]["changes"], reweighted[key]["errors"]))
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.plot(x, y, color=COLORS["octahedral"], linewidth=1.1)
    axes.fill_between(x, y - e, y + e, color=COLORS["octahedral"], alpha=0.2, linewidth=0)
    axes.set(xlabel="r / Å", ylabel="change")
    axes.set_title(f"{title}: {reweighted['rotate']} − none")
    axes.grid(alpha=0.25)


def last_row(figure, places, cases, reweighted):
    """Maps of LAMMPS' runs, the first two and the last; changes by reweighting instead of all but the first."""
    names = [name for name in cases if not name.startswith("ipi-")]
    mapped = names[:1] if reweighted else names if len(names) < 4 else [*names[:2], names[-1]]
    scale = max(np.abs(cases[name]["dipole"]["map"]).max() for name in mapped)
    for place, name in zip(places, mapped):
        sphere(figure, place, name, cases[name], scale)
    if reweighted:
        change(places[1], reweighted, "pairs", "g$_{OO}$")
        change(places[2], reweighted, "dipoles", "Dipole correlation")
    for place in [] if reweighted else places[len(mapped) :]:
        place.set_visible(False)


def draw(results, path, reweighted=None):
    """Everything."""
    cases = results["cases"]
    figure, axes = panels(3, 3, width=11)
    for place, (key, *words) in zip(axes.flat, CURVES):
        curve(place, key, cases, *words)
    axes[0, 0].legend(fontsize=7)
    left(axes.flat[5], cases)
    last_row(figure, axes[2], cases, reweighted)
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], beside(sys.argv[1]))
