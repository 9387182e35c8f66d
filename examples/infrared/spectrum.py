"""Infrared spectra of the trajectories of a folder: spectrum.py FOLDER writes results.json, and prints a table.

A classical absorption spectrum is proportional to the power of the dipole's velocity, |FT(dM/dt)|². Each trajectory has
two: of the model's dipole, and of the exact one of the same positions (`make_model.py`).
"""

import json
import sys
from pathlib import Path

import numpy as np

CHARGE, GAMMA = 0.5564, 0.73612  # e; see make_model.py
BOHR = 1 / 1.8897261  # Å, as i-PI has it
STEP = 0.5e-15  # s
LIGHT = 29979245800.0  # cm/s
WIDTH = 15.0  # cm⁻¹: standard deviation of the smoothing in the figure
BANDS = {"rotation": (0, 1000), "bend": (1200, 2200), "stretch": (3000, 4600)}  # cm⁻¹


def positions(folder):
    """[S, 3, 3], Å; i-PI writes the cell, its inverse or zeros, the number of atoms and the positions as doubles."""
    data = (folder / "h2o.positions_0.bin").read_bytes()
    steps = (folder / "h2o.dipole_0").read_text().count("#EXTRAS")
    size = len(data) // steps
    rows = [np.frombuffer(data[k * size :][: 8 * 19])[10:] for k in range(steps)]
    return BOHR * np.array(rows).reshape(steps, 3, 3)


def dipoles(folder):
    """[S, 3], e Å, of the model."""
    lines = (folder / "h2o.dipole_0").read_text().splitlines()
    return BOHR * np.array([line.split() for line in lines if "#" not in line], float).reshape(-1, 3)


def exact(positions):
    """[S, 3], e Å, of q-TIP4P/F."""
    oxygen, first, second = positions.transpose(1, 0, 2)
    return CHARGE * GAMMA * (first + second - 2 * oxygen)


def power(dipole):
    """Wavenumbers, cm⁻¹, and |FT(dM/dt)|² of a dipole [S, 3], summed over components, in any unit."""
    velocity = np.diff(dipole, axis=0) * np.hanning(len(dipole) - 1)[:, None]
    wavenumbers = np.fft.rfftfreq(len(velocity), STEP) / LIGHT
    return wavenumbers, (np.abs(np.fft.rfft(velocity, axis=0)) ** 2).sum(axis=1)


def smooth(wavenumbers, spectrum, at):
    """A spectrum, smoothed by a Gaussian, at other wavenumbers."""
    weights = np.exp(-0.5 * ((at[:, None] - wavenumbers) / WIDTH) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)) @ spectrum


def trajectory(folder):
    """Spectra of the model's dipole, the exact one, and their difference, and the swing of the energy, meV."""
    found, known = dipoles(folder), exact(positions(folder))
    conserved = np.loadtxt(folder / "h2o.properties")[:, 1]
    spectra = {"model": power(found), "exact": power(known), "error": power(found - known)}
    return {name: values[1] for name, values in spectra.items()}, spectra["model"][0], 1e3 * np.ptp(conserved)


def mean(values):
    """Mean and standard error over trajectories."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def case(folders):
    """Results of all trajectories of one case."""
    all_of = [trajectory(folder) for folder in folders]
    wavenumbers, at = all_of[0][1], np.arange(0.0, 4600.0, 5.0)
    curves = {name: np.mean([one[0][name] for one in all_of], axis=0) for name in ("model", "exact", "error")}
    bands = {}
    for band, (low, high) in BANDS.items():
        inside = (wavenumbers >= low) & (wavenumbers < high)
        total = {name: np.array([one[0][name][inside].sum() for one in all_of]) for name in ("model", "exact", "error")}
        ratios, errors = total["model"] / total["exact"], total["error"] / total["exact"]
        bands[band] = {"intensity": mean(ratios), "error": mean(errors)}
    swing = mean([one[2] for one in all_of])
    smoothed = {name: [float(f"{x:.4g}") for x in smooth(wavenumbers, curve, at)] for name, curve in curves.items()}
    return {"count": len(folders), "bands": bands, "swing": swing, "wavenumbers": at.tolist(), **smoothed}


def table(results):
    """The rows of the table."""
    yield "| dipole and forces | band, cm⁻¹ | intensity over exact | power of the error over exact |"
    yield "|---|---|---|---|"
    for name, found in results.items():
        for band, (low, high) in BANDS.items():
            (ratio, e), (error, f) = found["bands"][band]["intensity"], found["bands"][band]["error"]
            yield f"| {name} | {band}, {low} to {high} | {ratio:.4f} ± {e:.4f} | {error:.2g} ± {f:.1g} |"


def main():
    folder = Path(sys.argv[1])
    results = {name: case(sorted(folder.glob(f"{name}-*/"))) for name in ("bare", "averaged")}
    (folder / "results.json").write_text(json.dumps(results))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
