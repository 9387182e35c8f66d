"""Angular momentum, torque and spectrum of molecules at constant energy.

    momentum.py MODEL FOLDER         # the folder with the runs of run.sh

Writes FOLDER/results.json and prints the tables.
"""

import json
import sys
from pathlib import Path

import numpy as np
from analysis import programs, structures
from analysis.grids import GRIDS
from scipy.signal import welch

SYSTEMS = ["h2o", "dimer"]
CASES = ["none", "random", "octahedral", "icosahedral"]
WAVENUMBER = 33.35641  # 1/cm of a frequency of 1/ps: 1e10 / speed of light in m/s
POINTS = 250  # of a line in the figure
SLOW = 1000.0  # 1/cm; rotations lie below, the lowest vibration of H2O is its bend near 1600


def course(columns):
    """Change of the angular momentum (ħ) in a run, from its thermo output; energy: last tenth minus first."""
    momentum = np.stack([columns[f"v_l{axis}"] for axis in "xyz"], axis=1)
    change = np.linalg.norm(momentum - momentum[0], axis=1)
    tenth = max(1, len(change) // 10)
    energy = 1e3 * columns["TotEng"]
    every = max(1, len(change) // POINTS)
    return {
        "ps": columns["Time"][-1],
        "start": float(np.linalg.norm(momentum[0])),
        "largest_change": change.max(),
        "torque_mean_meV": 1e3 * columns["c_s[3]"].mean(),
        "energy_change_meV": energy[-tenth:].mean() - energy[:tenth].mean(),
        "time": columns["Time"][::every].round(4).tolist(),
        "change": change[::every].round(6).tolist(),
    }


def spectrum(series, interval, length):
    """Wavenumbers in 1/cm and power density (square of the series' unit times cm) of a series at `interval` ps.

    Welch's average over windows of `length` ps with half overlap; the integral is the variance.
    """
    window = min(len(series), round(length / interval))
    frequencies, density = welch(series, 1 / interval, nperseg=window, detrend="constant")
    return frequencies * WAVENUMBER, density / WAVENUMBER


def spectra(bare, average, length):
    """Spectra of the potential and of averaged minus bare, and the slow share of each; `average` has fewer frames."""
    chosen = np.searchsorted(bare["Step"], average["Step"])
    interval = bare["Time"][chosen[1]] - bare["Time"][chosen[0]]
    potential = 1e3 * bare["PotEng"][chosen]
    found = {}
    for name, series in (("potential", potential), ("correction", 1e3 * average["PotEng"] - potential)):
        wavenumbers, density = spectrum(series, interval, length)
        found[name] = [float(f"{d:.4g}") for d in density]
        found[f"{name}_deviation_meV"] = series.std()
        found[f"{name}_slow_share"] = density[wavenumbers < SLOW].sum() / density.sum()
    return {"wavenumbers": wavenumbers.round(2).tolist(), **found}


def torques(model, path, count, folder):
    """Mean length of the torque and its standard error over frames of a trajectory, meV, for each grid."""
    frames = structures.read_dump(path, ["O", "H"])
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)]
    structures.write(folder / "frames.xyz", chosen)
    found = {}
    for short, grid, inversion in GRIDS:
        documents = programs.evaluate(model, folder / "frames.xyz", grid, inversion)
        lengths = 1e3 * np.linalg.norm([d["torque"] for d in documents], axis=1)
        error = lengths.std(ddof=1) / np.sqrt(len(lengths))
        found[short] = {"evaluations": documents[0]["evaluations"], "mean": lengths.mean(), "error": error}
    return found


def measure(model, folder, system):
    """Everything about one system."""
    columns = {case: programs.thermo(folder / f"{system}-{case}/log.lammps") for case in CASES}
    again = programs.thermo(folder / f"{system}-again/log.lammps")
    return {
        "courses": {case: course(c) for case, c in columns.items()},
        "spectra": spectra(columns["none"], again, 2.0),
        "torques": torques(model, folder / f"{system}-none/positions.dump", 40, folder),
    }


def markdown(results):
    """The tables of `expected.md`."""
    lines = ["| system | `rotate` | ps | \\|L(0)\\|, ħ | largest change of L, ħ | torque, meV | energy gained, meV |"]
    lines.append("|---|---|---|---|---|---|---|")
    for system, r in results.items():
        for case, c in r["courses"].items():
            numbers = f"{c['start']:.2f} | {c['largest_change']:.3g} | {c['torque_mean_meV']:.3g}"
            lines.append(f"| {system} | `{case}` | {c['ps']:.1f} | {numbers} | {c['energy_change_meV']:+.2f} |")
    lines += ["", "| grid | evaluations | " + " | ".join(f"{s}: torque, meV" for s in results) + " |"]
    lines.append("|---|---|" + "---|" * len(results))
    for short, grid, inversion in GRIDS:
        found = [r["torques"][short] for r in results.values()]
        cells = " | ".join(f"{t['mean']:.3g} ± {t['error']:.1g}" for t in found)
        words = f"{short} (`{grid}`{', inversion' if inversion else ''})"
        lines.append(f"| {words} | {found[0]['evaluations']} | {cells} |")
    lines += ["", "| system | | standard deviation, meV | share of the power below 1000 cm⁻¹ |", "|---|---|---|---|"]
    for system, r in results.items():
        for name, words in (("potential", "bare potential"), ("correction", "averaged minus bare")):
            s = r["spectra"]
            lines.append(f"| {system} | {words} | {s[f'{name}_deviation_meV']:.2f} | {s[f'{name}_slow_share']:.3f} |")
    return "\n".join(lines)


def main(model, folder):
    """Everything."""
    folder = Path(folder)
    results = {system: measure(model, folder, system) for system in SYSTEMS}
    (folder / "results.json").write_text(json.dumps(results) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
