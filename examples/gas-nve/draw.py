"""Draw angular momentum, torque and spectrum: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

from analysis.figures import COLORS, panels, save

NAMES = {"h2o": "H$_2$O", "dimer": "dimer"}


def courses(axes, system, found):
    """Change of the angular momentum against time."""
    for case, c in found["courses"].items():
        axes.plot(c["time"], c["change"], color=COLORS[case], label=case, linewidth=1.2)
    axes.set(xlabel="time / ps", ylabel="|L(t) − L(0)| / ħ", yscale="log", ylim=(1e-4, None))
    axes.set_title(f"Angular momentum, {NAMES[system]}")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def torques(axes, results):
    """Torque against evaluations."""
    for marker, color, (system, found) in zip("os", ("#1f77b4", "#d95f02"), results.items()):
        points = found["torques"]
        x, y, e = ([t[key] for t in points.values()] for key in ("evaluations", "mean", "error"))
        axes.errorbar(x, y, e, fmt=marker, color=color, markersize=4, label=NAMES[system])
        for name, t in points.items() if system == "dimer" else ():
            place = {"xytext": (0, -12 if name == "Ti" else 6), "textcoords": "offset points", "ha": "center"}
            axes.annotate(name, (t["evaluations"], t["mean"]), fontsize=7, color=color, **place)
    axes.set(xscale="log", yscale="log", xlabel="evaluations of the model", ylabel="torque / meV")
    axes.set_ylim(top=axes.get_ylim()[1] * 2)
    axes.set_title("Torque that is left, by grid")
    axes.grid(alpha=0.25)
    axes.legend()


def spectrum(axes, system, found):
    """Spectra of the potential and of averaged minus bare."""
    s = found["spectra"]
    for name, color, label in (
        ("potential", "#1f77b4", "bare potential"),
        ("correction", "#d95f02", "averaged − bare"),
    ):
        axes.semilogy(s["wavenumbers"][1:], s[name][1:], color=color, label=label, linewidth=1)
    axes.set(xlabel="wavenumber / cm$^{-1}$", ylabel="power / meV$^2$ cm", xlim=(0, 8000))
    axes.set_title(f"Spectrum, {NAMES[system]}")
    axes.grid(alpha=0.25)
    axes.legend()


def draw(results, path):
    """All panels."""
    figure, axes = panels(2, 2)
    for place, (system, found) in zip(axes[0], results.items()):
        courses(place, system, found)
    torques(axes[1, 0], results)
    spectrum(axes[1, 1], "h2o", results["h2o"])
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
