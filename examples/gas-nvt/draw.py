"""Draw free energies over orientations: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

import numpy as np
from analysis.figures import COLORS, panels, save

AXIS = "dipole"


def sphere(axes, values, title, scale):
    """A map over the sphere, in cos(theta) and phi: equal areas stay equal."""
    image = axes.imshow(
        values, origin="lower", extent=(-180, 180, -1, 1), aspect="auto", cmap="coolwarm", vmin=-scale, vmax=scale
    )
    axes.set(xlabel="φ / degrees", ylabel="cos θ", xticks=[-180, -90, 0, 90, 180])
    axes.set_title(title)
    return image


def agreement(axes, results):
    """Free energy from dynamics against that of the rigid molecule."""
    for name, r in results.items():
        x, y, e = (np.ravel(r[AXIS][key]) for key in ("predicted", "map", "map_error"))
        axes.errorbar(x, y, e, fmt="o", markersize=3, color=COLORS[name], linewidth=0.7, label=name)
    axes.axline((0, 0), slope=1, color="#888888", linewidth=0.8)
    axes.set(xlabel="rigid molecule: F / kT", ylabel="dynamics: F / kT")
    axes.set_title("Each bin")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def draw(results, path):
    """Maps of the three runs and of the prediction, the agreement, and the deviations."""
    figure, axes = panels(2, 3, width=10)
    scale = np.abs(results["none"][AXIS]["map"]).max()
    for place, (name, r) in zip(axes[0], results.items()):
        image = sphere(place, r[AXIS]["map"], f"F over the dipole's direction, {name}", scale)
        figure.colorbar(image, ax=place, label="kT")
    image = sphere(axes[1, 0], results["none"][AXIS]["predicted"], "Rigid molecule, bare", scale)
    figure.colorbar(image, ax=axes[1, 0], label="kT")
    agreement(axes[1, 1], results)
    for shift, axis in ((-0.1, "dipole"), (0.1, "normal")):
        y, e = ([r[axis][key] for r in results.values()] for key in ("deviation", "deviation_error"))
        axes[1, 2].errorbar(np.arange(len(y)) + shift, y, e, fmt="os"[shift > 0], markersize=4, capsize=3, label=axis)
    axes[1, 2].set(xticks=range(len(results)), xticklabels=list(results), ylabel="standard deviation of F / kT")
    axes[1, 2].axhline(0, color="#888888", linewidth=0.8)
    axes[1, 2].set_title("How much is left")
    axes[1, 2].grid(alpha=0.25)
    axes[1, 2].legend()
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
