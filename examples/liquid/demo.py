"""Run `in.demo` on two MPI ranks with its output on the terminal, then print the cost and the symmetry error.

    make demo                    # or, after `make build`:
    python3 examples/liquid/demo.py [STEPS]

Leaves the log, snapshots, `summary.json` and `demo.svg` in `target/demo`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from picture import draw
from summary import read_thermo, summarize, table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "target/demo"
MODEL = HERE.parent / "models/water-pet.onnx"
BIN = ROOT / ".venv/bin"
RANKS = 2
# LAMMPS finds the plugin by LAMMPS_PLUGIN_PATH, and the plugin ONNX Runtime by VIRTUAL_ENV.
ENVIRONMENT = {
    "LAMMPS_PLUGIN_PATH": str(ROOT / "target/release"),
    "VIRTUAL_ENV": str(ROOT / ".venv"),
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
}


def run(command, **keywords):
    """Runs a command in this folder; a failure ends the demo, with the command's message on the terminal."""
    done = subprocess.run(command, cwd=HERE, env={**os.environ, **ENVIRONMENT}, **keywords)
    if done.returncode != 0:
        sys.exit(f"the demo stopped, since {Path(command[0]).name} ended with {done.returncode}: see above")
    return done.stdout


def dynamics(steps):
    """The run in LAMMPS; its output goes straight to the terminal."""
    variables = ["-var", "folder", FOLDER, "-var", "steps", str(steps)]
    lammps = [BIN / "lmp", "-in", "in.demo", "-log", FOLDER / "log.lammps", *variables]
    run([BIN / "mpiexec", "-n", str(RANKS), *lammps])


def orientations():
    """Output of `tumble eval` for the snapshots, each in 24 orientations.

    The orientations are the rotations of a cube, turned at random as a whole: distributed as those of `rotate random`,
    but more evenly.
    """
    options = ["--rotate", "octahedral+random", "--threads", str(RANKS), "--json"]
    command = [ROOT / "target/release/tumble", "eval", MODEL, FOLDER / "snapshots.xyz", *options]
    return [json.loads(line) for line in run(command, stdout=subprocess.PIPE, text=True).splitlines()]


def main(steps=2000):
    """Everything."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    dynamics(steps)
    print("\nmeasuring how broken the symmetry is: each snapshot in 24 orientations ...", flush=True)
    thermo, frames = read_thermo(FOLDER / "log.lammps"), orientations()
    summary = summarize(thermo, frames)
    (FOLDER / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (FOLDER / "demo.svg").write_text(draw(thermo["rows"], frames[-1]))
    print(f"\n{table(summary)}\n\nwritten: target/demo/summary.json, target/demo/demo.svg")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
