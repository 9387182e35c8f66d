"""Trajectories of a liquid, in pieces and with repeated frames, as arrays."""

from pathlib import Path

import numpy as np


def lammps(path):
    """Steps [frames], side of the cubic box, Å, and unwrapped positions [frames, N, 3] of a text dump of LAMMPS.

    The dump has the columns id type xu yu zu and is sorted by id. An incomplete frame at the end is left out.
    """
    lines = Path(path).read_text().splitlines()
    length = int(lines[3]) + 9
    starts = range(0, len(lines) - length + 1, length)
    low, high = map(float, lines[5].split())
    rows = [line.split()[2:5] for start in starts for line in lines[start + 9 : start + length]]
    positions = np.array(rows, float).reshape(len(starts), length - 9, 3)
    return np.array([int(lines[start + 1]) for start in starts]), high - low, positions


def ipi(path, every=1):
    """The same from i-PI's XYZ with positions in Å; a step of i-PI counts as `every` steps."""
    lines = Path(path).read_text().splitlines()
    length = int(lines[0]) + 2
    starts = range(0, len(lines) - length + 1, length)
    steps = [every * int(lines[start + 1].split("Step:")[1].split()[0]) for start in starts]
    rows = [line.split()[1:4] for start in starts for line in lines[start + 2 : start + length]]
    side = float(lines[1].split("CELL(abcABC):")[1].split()[0])
    return np.array(steps), side, np.array(rows, float).reshape(len(starts), length - 2, 3)


def join(steps, values, settle):
    """One series without repetitions from pieces in order: the last record of each step after `settle`."""
    steps, values = np.concatenate(steps), np.concatenate(values)
    last = len(steps) - 1 - np.unique(steps[::-1], return_index=True)[1]
    kept = last[steps[last] > settle]
    return steps[kept], values[kept]
