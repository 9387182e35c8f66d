"""Modules of the examples by folder and name, and one short run of their inputs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BUILD = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
MODEL = EXAMPLES / "models/water-pet.onnx"
VENV = Path(sys.executable).parents[1]
ENVIRONMENT = {
    **os.environ,
    "LAMMPS_PLUGIN_PATH": str(BUILD),
    "VIRTUAL_ENV": str(VENV),
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
}
sys.path.insert(0, str(EXAMPLES))


def load(folder, name):
    """The module examples/FOLDER/NAME.py; the folders are not packages, and their names not identifiers."""
    path = EXAMPLES / folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{folder}-{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(folder, script, results, **variables):
    """Run an input of an example in its folder; results go to the folder `results`."""
    given = {"folder": results, "model": MODEL, **variables}
    options = [str(word) for name, value in given.items() for word in ("-var", name, value)]
    command = [VENV / "bin/lmp", "-in", script, "-log", results / "log.lammps", "-screen", "none", *options]
    done = subprocess.run(command, cwd=EXAMPLES / folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, (results / "log.lammps").read_text()[-2000:]
