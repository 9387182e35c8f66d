"""Proton-disordered cells of ice Ih, and their energies, bare and averaged.

    cells.py make FOLDER COUNT A B C        # A x B x C unit cells of 16 molecules, made by GenIce with seeds 1 to COUNT
    cells.py measure FOLDER MODEL           # after run.sh relaxed them

`measure` writes FOLDER/results.json and prints the tables.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from analysis import programs, structures
from scipy.stats import kendalltau

STATES = {"start": "as GenIce made them", "bare": "relaxed, bare", "averaged": "relaxed, 2i"}
GRIDS = {"bare": ("none", False), "2i": ("legendre:2", True)}


def parse(text):
    """The frame in GenIce's format `exyz`: rows of element, x, y, z, and of VectorN, x, y, z."""
    rows = [line.split() for line in text.splitlines()]
    atoms = [row for row in rows if len(row) == 4 and row[0] in ("O", "H")]
    cell = [row[1:] for row in rows if row and row[0].startswith("Vector")]
    positions = np.array([row[1:] for row in atoms], float)
    return structures.Frame([row[0] for row in atoms], positions, np.array(cell, float))


def make(folder, count, *repeat):
    """Write cell-1.data and so on."""
    program = Path(sys.executable).with_name("genice2")
    if not program.exists():
        sys.exit(f"{program} is not there: {sys.executable} -m pip install -r examples/ice/requirements.txt")
    for seed in range(1, int(count) + 1):
        options = ["1h", "--rep", *repeat, "--seed", str(seed), "--format", "exyz", "--quiet"]
        text = subprocess.run([program, *options], check=True, capture_output=True, text=True).stdout
        structures.write_data(Path(folder) / f"cell-{seed}.data", parse(text), f"Ice Ih by GenIce, seed {seed}")


def energies(folder, model, state):
    """Energies [cells], meV, of the cells in a state, bare and 2i, their spread over the rotations of 2i, and atoms."""
    frames = [structures.read(path)[-1] for path in sorted(folder.glob(f"cell-*/{state}.xyz"))]
    structures.write(folder / f"{state}.xyz", frames)
    found = {name: programs.evaluate(model, folder / f"{state}.xyz", *grid) for name, grid in GRIDS.items()}
    energies = {name: [1e3 * d["energy"] for d in documents] for name, documents in found.items()}
    spread = [1e3 * d["spread"]["energy"] for d in found["2i"]]
    return {**energies, "spread": spread, "atoms": found["bare"][0]["atoms"]}


def compare(energies, exact, atoms):
    """Effect of the symmetry error on cells with these energies [cells], relative to the averaged ones `exact`; meV.

    `offset` is the mean absolute error per atom. `error`, the standard deviation of the error over cells, per molecule,
    affects differences between cells; `range` is the standard deviation of the energies. `swapped` of `pairs` of cells
    are in the wrong order.
    """
    energies, exact = np.array(energies), np.array(exact)
    off, molecules = energies - exact, atoms / 3
    first, second = np.triu_indices(len(exact), 1)
    wrong = np.sign(energies[first] - energies[second]) != np.sign(exact[first] - exact[second])
    return {
        "offset": np.abs(off).mean() / atoms,
        "error": off.std(ddof=1) / molecules,
        "range": exact.std(ddof=1) / molecules,
        "swapped": int(wrong.sum()),
        "pairs": len(first),
        "tau": kendalltau(energies, exact).statistic,
    }


def relaxed(states):
    """The comparison in practice: cells relaxed and evaluated bare, against cells relaxed and evaluated with 2i."""
    return compare(states["bare"]["bare"], states["averaged"]["2i"], states["bare"]["atoms"])


def markdown(results):
    """The tables of `expected.md`."""
    lines = [
        "| cells | energy | mean abs(E − E_2i), meV/atom | std over cells, meV/molecule: error | energy | swapped |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for name, c in results["comparisons"].items():
        numbers = f"{c['offset']:.4f} | {c['error']:.4f} | {c['range']:.4f} | {c['swapped']} of {c['pairs']}"
        lines.append(f"| {name.replace(': ', ' | ')} | {numbers} |")
    spread = results["states"]["start"]["spread"], results["states"]["start"]["atoms"]
    lines += ["", f"Spread over the rotations of 2i, cells as made: {np.mean(spread[0]) / spread[1]:.4f} meV/atom."]
    return "\n".join(lines)


def measure(folder, model):
    """Everything."""
    folder = Path(folder)
    states = {state: energies(folder, model, state) for state in STATES}
    comparisons = {}
    for state, words in STATES.items():
        comparisons[f"{words}: bare"] = compare(states[state]["bare"], states[state]["2i"], states[state]["atoms"])
    comparisons["each at its own minimum: bare"] = relaxed(states)
    results = {"states": states, "comparisons": comparisons}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    {"make": make, "measure": measure}[sys.argv[1]](*sys.argv[2:])
