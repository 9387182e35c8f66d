"""Measure how many evaluations `every M` takes and how well it conserves energy: the table of docs/lammps.md.

    python docs/figures/time_stepping.py [ps]           # default 2 ps, about half an hour on one core
    python docs/figures/time_stepping.py table          # print what was measured

NVE of 64 H2O from the same state for each M. The total energy is read at outer steps, where it is the averaged one.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_suffix(".json")
ROTATE = "tetrahedral"
STRIDES = [1, 2, 4, 8, 16, 32]
INPUT = """
plugin load {root}/target/release/tumbleplugin.so
units metal
atom_style atomic
newton on
read_data {root}/examples/liquid/water-64.data
pair_style tumble rotate {rotate} every {every}
pair_coeff * * {root}/examples/models/water-pet.onnx O H
neighbor 1.0 bin
timestep 0.0005
fix 1 all nve
compute s all pair tumble
thermo_style custom step time temp pe etotal c_s[7]
thermo_modify format float %.12g
thermo 32
run {steps}
"""


def rows(output):
    """The thermo table [rows, 6]."""
    words = [line.split() for line in output.splitlines()]
    return np.array([[float(w) for w in row] for row in words if len(row) == 6 and row[0].isdigit()])


def run(rotate, every, steps):
    """What one run conserves and costs."""
    script = INPUT.format(root=ROOT, rotate=rotate, every=every, steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.run").write_text(script)
        command = [ROOT / ".venv/bin/lmp", "-in", "in.run", "-log", "none"]
        environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(ROOT / ".venv")}
        done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    table = rows(done.stdout)
    time, energy = table[:, 1], 1e3 * table[:, 4]
    slope, offset = np.polyfit(time, energy, 1)
    return {
        "rotate": rotate,
        "every": every,
        "ps": time[-1],
        "evaluations_per_step": (table[-1, 5] - table[0, 5]) / steps,
        "drift_meV_per_atom_per_ps": slope / 192,
        "fluctuation_meV_per_cell": float(np.std(energy - slope * time - offset)),
        "temperature_K": float(table[:, 2].mean()),
    }


def print_table(results):
    """Markdown."""
    print("| `rotate` | `every` | evaluations a step | drift, meV/atom/ps | fluctuation, meV a cell |")
    print("|---|---|---|---|---|")
    for r in results:
        numbers = f"{r['evaluations_per_step']:.2f} | {r['drift_meV_per_atom_per_ps']:+.4f}"
        print(f"| `{r['rotate']}` | {r['every']} | {numbers} | {r['fluctuation_meV_per_cell']:.1f} |")


def main():
    if sys.argv[1:] == ["table"]:
        return print_table(json.loads(RESULTS.read_text()))
    steps = round(float(sys.argv[1] if sys.argv[1:] else 2.0) / 0.0005 / 32) * 32
    results = []
    for rotate, every in [("none", 1), *((ROTATE, every) for every in STRIDES)]:
        results.append(run(rotate, every, steps))
        print(results[-1], file=sys.stderr, flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
