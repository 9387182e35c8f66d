"""Output of LAMMPS and `tumble eval` as arrays."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = Path(os.environ.get("TUMBLE", ROOT / "target/release/tumble"))


def thermo(log):
    """The thermo output of the last run in a log of LAMMPS: columns [rows] by name."""
    rows, columns, reading = [], None, False
    for words in map(str.split, Path(log).read_text().splitlines()):
        if words[:1] == ["Step"]:
            rows, columns, reading = [], words, True
        elif words[:2] == ["Loop", "time"]:
            reading = False
        elif reading and len(words) == len(columns) and words[0].isdigit():
            rows.append([float(word) for word in words])
    if not rows:
        raise ValueError(f"{log} has no thermo output: see its last lines for the error of LAMMPS")
    return dict(zip(columns, np.array(rows).T))


def evaluate(model, structures, rotate="none", inversion=False):
    """Output of `tumble eval --json`: a list with the document of each frame of a file."""
    command = [TUMBLE, "eval", model, structures, "--json", "--rotate", rotate, *(["--inversion"] if inversion else [])]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]
