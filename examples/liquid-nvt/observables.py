"""Structure and dynamics of liquid water, and a test whether mitigations differ in them by more than chance.

    observables.py FOLDER SETTLE         # the folder with the runs of run.sh; the steps before SETTLE do not count

A molecule's dipole is the unit vector from its oxygen to the middle of its hydrogens: the model has no charges. Writes
FOLDER/results.json, the input of tables.py and draw.py for `expected.md`.
"""

import json
import re
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from analysis import liquid, orientation, programs, trajectories
from analysis.blocks import block_error, chi_square, compare, cut

CASES = ["none", "random", "turned", "grid", "mts", "ipi-none", "ipi-random", "ipi-turned", "ipi-grid", "ipi-mts"]
STEP, FRAME = 0.0005, 20  # ps; steps from one frame to the next
BLOCKS = 10
COMPARABLE = 5  # runs shorter than this fraction of the longest one are not compared
LONGEST = 8  # the longest time of the correlation functions is this fraction of the run
# In frames, the same for all runs: their correlation functions are compared at equal times.
LAGS = np.array([*range(10), *range(10, 100, 5), *range(100, 5000, 20)])
OBSERVABLES = ["temperature", "dipole", "normal", "pairs", "dipoles", "displacement", "single", "total"]


def pieces(folder, case):
    """The folders of the complete pieces of a run in LAMMPS, in order."""
    found = [p for p in Path(folder).glob(f"{case}-*.done") if re.fullmatch(rf"{case}-\d+", p.stem)]
    return [p.with_suffix("") for p in sorted(found, key=lambda p: int(p.stem.rsplit("-", 1)[1]))]


def from_lammps(folders, settle):
    """Steps and temperatures (all, O, H) [frames, 3]; steps, side and positions [frames, N, 3] of pieces of a run."""
    logs = [programs.thermo(f / "log.lammps") for f in folders]
    thermo = [np.stack([log[name] for name in ("Temp", "c_o", "c_h")], axis=1) for log in logs]
    dumps = [trajectories.lammps(f / "positions.dump") for f in folders]
    _, temperatures = trajectories.join([log["Step"] for log in logs], thermo, settle)
    steps, positions = trajectories.join([d[0] for d in dumps], [d[2] for d in dumps], settle)
    return temperatures, steps, dumps[0][1], positions


def from_ipi(folder, settle):
    """The same from a run in i-PI."""
    rows = np.loadtxt(folder / "water.properties", ndmin=2)
    every = round((rows[1, 1] - rows[0, 1]) / STEP / (rows[1, 0] - rows[0, 0]))
    steps, side, positions = trajectories.ipi(folder / "water.positions_0.xyz", every)
    _, temperatures = trajectories.join([every * rows[:, 0]], [rows[:, 2:5]], settle)
    steps, positions = trajectories.join([steps], [positions], settle)
    return temperatures, steps, side, positions


def structure(side, positions):
    """Static observables, each as a series [frames, values]: orientations and correlations over the distance."""
    molecules = positions.reshape(len(positions), -1, 3, 3)
    dipoles, normals = orientation.axes(molecules)
    both = np.array([liquid.correlations(*frame, side) for frame in zip(molecules[:, :, 0], dipoles)])
    found = {
        "dipole": [orientation.counts(u).ravel() for u in dipoles],
        "normal": [orientation.counts(np.stack([n, -n])).ravel() for n in normals],
        "pairs": both[:, 0],
        "dipoles": both[:, 1],
    }
    return {name: np.asarray(s, float) for name, s in found.items()}


def dynamics(positions, lags):
    """Correlation functions, each as a series [origins, lags]."""
    molecules = positions.reshape(len(positions), -1, 3, 3)
    dipoles, _ = orientation.axes(molecules)
    total = dipoles.sum(axis=1, keepdims=True) / np.sqrt(dipoles.shape[1])
    return {
        "displacement": liquid.displacements(molecules[:, :, 0], lags),
        "single": liquid.autocorrelations(dipoles, lags),
        "total": liquid.autocorrelations(total, lags),
    }


def series(temperatures, steps, side, positions):
    """All observables, each as a series [frames or origins, values]; times, ps, of the correlation functions."""
    if len(steps) < 2 * LONGEST:
        needed = f"{2 * LONGEST}, {2 * LONGEST * FRAME * STEP:.3g} ps after settling"
        raise ValueError(f"{len(steps)} frames are too few: correlations need {needed}; run longer by --steps")
    lags = LAGS[LAGS <= len(steps) // LONGEST]
    found = {"temperature": temperatures[:, :1], **structure(side, positions), **dynamics(positions, lags)}
    return {name: np.asarray(s, float) for name, s in found.items()}, lags * FRAME * STEP


def distances(side):
    """Distances of the values of the correlations, Å."""
    return liquid.edges(side)[:-1] + liquid.BIN / 2


def numbers(values):
    """Rounded for the file."""
    return [float(f"{v:.5g}") for v in np.ravel(values)]


def orientations(positions):
    """Maps of F/kT and their deviation, for dipole and normal."""
    dipoles, normals = orientation.axes(positions.reshape(len(positions), -1, 3, 3))
    found = {}
    for name, vectors in (("dipole", dipoles), ("normal", np.stack([normals, -normals], axis=2))):
        measured = orientation.measure(vectors, BLOCKS, halves="time")
        found[name] = {key: numbers(v) if np.ndim(v) else float(v) for key, v in measured.items()}
    return found


def case(temperatures, steps, side, positions):
    """Everything about one run, and the series to compare it by."""
    compared, times = series(temperatures, steps, side, positions)
    found = {"ps": len(steps) * FRAME * STEP, "molecules": positions.shape[1] // 3}
    found.update(times=numbers(times), distances=numbers(distances(side)))
    found["temperatures"] = [list(pair) for pair in zip(*map(numbers, block_error(temperatures, BLOCKS)))]
    for name in ("pairs", "dipoles", "displacement", "single", "total"):
        mean, error = block_error(compared[name], BLOCKS)
        found[name], found[f"{name}_error"] = numbers(mean), numbers(error)
    coefficients = liquid.diffusion(cut(compared["displacement"], BLOCKS), times)
    found["diffusion"] = [coefficients.mean(), coefficients.std(ddof=1) / np.sqrt(BLOCKS)]
    return {**found, **orientations(positions)}, compared


def difference(first, second):
    """`compare` of two series [frames, values], in blocks as long as a tenth of the shorter one.

    Only values of both series are compared: the correlation functions of a shorter run end sooner.
    """
    length = min(len(first), len(second)) // BLOCKS
    values = min(first.shape[1], second.shape[1])
    return compare(*(cut(s[:, :values], len(s) // length) for s in (first, second)))


def halves(values):
    """Chi-square between the halves of one run, in blocks as long as in the comparison of runs.

    Blocks shorter than the memory make errors too small, in this comparison and in that of runs; this one shows by how
    much.
    """
    middle = len(values) // 2
    return chi_square(cut(values[:middle], BLOCKS // 2), cut(values[middle:], BLOCKS // 2))


def comparable(cases):
    """Names of the runs long enough to be compared: the errors of the others are far too small."""
    longest = max(found["ps"] for found in cases.values())
    return [name for name, found in cases.items() if COMPARABLE * found["ps"] >= longest]


def main(folder, settle):
    """Everything."""
    folder, results, compared = Path(folder), {}, {}
    for name in CASES:
        if name.startswith("ipi-") and any((folder / name).glob("*.done")):
            read = from_ipi(folder / name, int(settle))
        elif not name.startswith("ipi-") and (found := pieces(folder, name)):
            read = from_lammps(found, int(settle))
        else:
            continue
        try:
            results[name], compared[name] = case(*read)
        except ValueError as error:
            sys.exit(f"{name}: {error}")
    names = comparable(results)
    differences = {
        key: {f"{a}/{b}": difference(compared[a][key], compared[b][key]) for a, b in combinations(names, 2)}
        for key in OBSERVABLES
    }
    within = {key: {name: halves(compared[name][key]) for name in names} for key in OBSERVABLES}
    document = {"cases": results, "differences": differences, "halves": within}
    (folder / "results.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
