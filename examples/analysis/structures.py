"""Frames in extended XYZ."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Frame:
    """Symbols [N], positions [N, 3] in Å, and the cell's rows [3, 3] in Å, or None without periodicity."""

    symbols: list
    positions: np.ndarray
    cell: np.ndarray | None = None


def write(path, frames):
    """Write frames to a file, symbols and positions only."""
    with open(path, "w") as file:
        for frame in frames:
            rows = " ".join(f"{x:.12g}" for x in np.ravel(frame.cell)) if frame.cell is not None else ""
            where = f'Lattice="{rows}" pbc="T T T"' if rows else 'pbc="F F F"'
            file.write(f"{len(frame.symbols)}\nProperties=species:S:1:pos:R:3 {where}\n")
            for symbol, x in zip(frame.symbols, frame.positions):
                file.write(f"{symbol} {x[0]:.12g} {x[1]:.12g} {x[2]:.12g}\n")


def read(path):
    """Frames of a file with symbol and position in the first columns; periodic if all directions of `pbc` are."""
    frames = []
    with open(path) as file:
        while line := file.readline():
            count, comment = int(line), file.readline()
            rows = [file.readline().split() for _ in range(count)]
            cell = None
            if 'pbc="F F F"' not in comment and 'Lattice="' in comment:
                cell = np.array(comment.split('Lattice="')[1].split('"')[0].split(), float).reshape(3, 3)
            positions = np.array([row[1:4] for row in rows], float)
            frames.append(Frame([row[0] for row in rows], positions, cell))
    return frames


def read_dump(path, symbols, every=1):
    """Every n-th frame of a text dump of LAMMPS with columns id type x y z, sorted by id, not periodic.

    `symbols` belong to the atom types, in order.
    """
    with open(path) as file:
        lines = file.read().splitlines()
    count = int(lines[3])
    length = count + 9
    frames = []
    for start in range(0, len(lines) - length + 1, every * length):
        rows = [line.split() for line in lines[start + 9 : start + length]]
        frames.append(Frame([symbols[int(row[1]) - 1] for row in rows], np.array([row[2:5] for row in rows], float)))
    return frames


def read_data(path, symbols):
    """The frame of a LAMMPS data file of style atomic, without its box; `symbols` belong to the atom types."""
    lines = Path(path).read_text().split("Atoms # atomic")[1].split("Velocities")[0].splitlines()
    rows = sorted((int(w[0]), int(w[1]), *w[2:5]) for w in map(str.split, lines) if w)
    return Frame([symbols[row[1] - 1] for row in rows], np.array([row[2:5] for row in rows], float))


def write_data(path, frame, title):
    """Write a frame of water in an orthogonal box as a LAMMPS data file: type 1 is O, type 2 is H."""
    sides = np.diag(frame.cell)
    if np.abs(frame.cell - np.diag(sides)).max() > 1e-9:
        raise ValueError(f"the box of {title} is not orthogonal: {frame.cell.tolist()}")
    box = "\n".join(f"0 {side:.8g} {axis}lo {axis}hi" for side, axis in zip(sides, "xyz"))
    rows = [
        f"{i} {1 if s == 'O' else 2} {x:.9g} {y:.9g} {z:.9g}"
        for i, (s, (x, y, z)) in enumerate(zip(frame.symbols, frame.positions), 1)
    ]
    header = f"{title}\n\n{len(rows)} atoms\n2 atom types\n\n{box}\n\nMasses\n\n1 15.999\n2 1.008\n\nAtoms # atomic\n\n"
    Path(path).write_text(header + "\n".join(rows) + "\n")
