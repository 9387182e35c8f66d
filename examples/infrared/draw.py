"""Draw the infrared spectra: draw.py results.json figure.svg."""

import json
import sys
from pathlib import Path

import numpy as np
from analysis.figures import COLORS, panels, save

LINES = (
    ("model", "-", "model"),
    ("exact", "--", "exact, same positions"),
    ("error", ":", "model minus exact"),
)


def draw(results, path):
    """A panel each for the bare model and the average."""
    figure, axes = panels(1, 2)
    for place, (case, title), color in zip(
        axes[0],
        (("bare", "bare"), ("averaged", "averaged over 48 rotations")),
        (COLORS["none"], COLORS["octahedral"]),
        strict=True,
    ):
        found = results[case]
        top = max(found["exact"])
        for name, style, label in LINES:
            shade = "black" if name == "exact" else color
            place.semilogy(
                found["wavenumbers"], np.array(found[name]) / top, style, color=shade, label=label, linewidth=1
            )
        place.set(xlabel="wavenumber / cm$^{-1}$", ylabel="absorption / largest", ylim=(1e-8, 3e3), xlim=(0, 4600))
        place.set_title(title)
        place.grid(alpha=0.25)
        place.legend(fontsize=7, loc="upper center")
    save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
