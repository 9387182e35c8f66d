"""Drift of the conserved quantity, and the heating by random rotations: predicted and measured.

    drift.py FOLDER         # the folder with the runs of run.sh

Writes FOLDER/results.json, the input of tables.py and draw.py for `expected.md`.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from analysis import programs

CASES = ["none", "grid", "mts2", "mts4", "mts8", "random", "langevin-none", "langevin-random"]
ATOMS = 192
KELVIN = 8.617333262e-5  # Boltzmann's constant, eV/K; CODATA 2018
BLOCKS = 5
POINTS = 300  # of a line in the figure


def pieces(folder, case):
    """Thermo output of the complete pieces of a run, in order."""
    found = [p for p in Path(folder).glob(f"{case}-*.done") if re.fullmatch(rf"{case}-\d+", p.stem)]
    ordered = sorted(found, key=lambda p: int(p.stem.rsplit("-", 1)[1]))
    return [programs.thermo(p.with_suffix("") / "log.lammps") for p in ordered]


def join(parts, shifted=("Econserve",)):
    """One series of each column from pieces, each beginning with the last row of the piece before.

    The columns `shifted` start anew in each piece, as the heat of a thermostat after a restart: they are shifted to be
    continuous.
    """
    joined = {name: values[:1] for name, values in parts[0].items()}
    for part in parts:
        for name, values in part.items():
            shift = joined[name][-1] - values[0] if name in shifted else 0.0
            joined[name] = np.concatenate([joined[name], values[1:] + shift])
    return joined


def slope(times, values, blocks=BLOCKS):
    """Slope of the line through a series by least squares, and its standard error.

    The error is that of the mean slope of the blocks. This is right for a random walk, with its independent steps. For
    a series that oscillates about a line it is an upper bound: the slope of the whole series is known better.
    """
    length = len(times) // blocks
    if length < 3:
        raise ValueError(
            f"{len(times)} values in {blocks} blocks: a slope with an error needs 3 values in each; run longer"
        )
    parts = [slice(k * length, (k + 1) * length) for k in range(blocks)]
    slopes = [np.polyfit(times[part], values[part], 1)[0] for part in parts]
    return float(np.polyfit(times, values, 1)[0]), float(np.std(slopes, ddof=1) / np.sqrt(blocks))


def predicted(parts):
    """Heating by the noise of random rotations, K/ps, as printed by the pair style at the end of each piece.

    It is 2/(3Nk) times the sum over degrees of freedom of σ² dt/2m; mean over the pieces by their lengths.
    """
    lengths = [part["Step"][-1] - part["Step"][0] for part in parts]
    return float(np.average([part["c_s[5]"][-1] for part in parts], weights=lengths))


def case(parts):
    """Everything about one run."""
    columns = join(parts)
    times = columns["Time"] - columns["Time"][0]
    conserved = 1e3 * (columns["Econserve"] - columns["Econserve"][0]) / ATOMS
    drift = slope(times, conserved)
    line = np.polyval(np.polyfit(times, conserved, 1), times)
    every = max(1, len(times) // POINTS)
    evaluations = sum(part["c_s[7]"][-1] - part["c_s[7]"][0] for part in parts)
    return {
        "ps": float(times[-1]),
        "evaluations": float(evaluations / (columns["Step"][-1] - columns["Step"][0])),
        "temperature": float(columns["Temp"].mean()),
        "drift": drift,
        "fluctuation": float(ATOMS * np.std(conserved - line)),
        "predicted": predicted(parts),
        "heating": [2 * 1e-3 * d / (3 * KELVIN) for d in drift],
        "rise": slope(times, columns["Temp"]),
        "time": times[::every].round(5).tolist(),
        "conserved": conserved[::every].round(5).tolist(),
    }


def main(folder):
    """Everything."""
    parts = {name: pieces(folder, name) for name in CASES}
    results = {name: case(found) for name, found in parts.items() if found}
    (Path(folder) / "results.json").write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
