"""Run LAMMPS on a piece of input and read back what it printed and dumped."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
BUILD = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
# `make test-lammps-sources` names another LAMMPS, with its plugin and mpiexec.
LMP = Path(os.environ.get("TUMBLE_LMP") or BIN / "lmp")
MPIEXEC = Path(os.environ.get("TUMBLE_MPIEXEC") or BIN / "mpiexec")
PLUGIN = Path(os.environ.get("TUMBLE_PLUGIN") or BUILD / "tumbleplugin.so")
COMMAND_LINE = BUILD / "tumble"
TOYS = ROOT / "tests/data/models"
WATER = ROOT / "examples/models/water-pet.onnx"
WATER_F64 = ROOT / "examples/models/water-pet-f64.onnx"
# Ranks that wait for messages sleep: they may be more than the processors.
PATIENCE = {
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "64",
    # Open MPI: more ranks than processors, and as root.
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


@dataclass
class Run:
    """Results of a run: exit code, all output, and its folder."""

    code: int
    output: str
    folder: Path

    def thermo(self):
        """Rows of all thermo tables as dicts of column -> float."""
        rows, columns = [], None
        for words in map(str.split, self.output.splitlines()):
            if words[:1] == ["Step"]:
                columns = words
            elif columns and len(words) == len(columns) and words[0].lstrip("-").isdigit():
                rows.append(dict(zip(columns, map(float, words))))
            elif words[:2] == ["Loop", "time"]:
                columns = None
        return rows


def run(folder, script, ranks=1, environment=None, timeout=300, plugin=True):
    """Runs `script` in `folder` on `ranks` MPI ranks; loads the plugin first by default."""
    load = f"plugin load {PLUGIN}\n" if plugin else ""
    (folder / "in.test").write_text(load + script)
    command = [MPIEXEC, "-n", str(ranks), LMP, "-in", "in.test", "-log", "none"]
    variables = {**os.environ, **PATIENCE, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(BIN.parent)}
    variables |= environment or {}
    done = subprocess.run(
        command, cwd=folder, env=variables, timeout=timeout, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return Run(done.returncode, done.stdout, folder)


def succeed(*arguments, **keywords):
    """`run`, with an exit code of zero required."""
    result = run(*arguments, **keywords)
    assert result.code == 0, result.output
    return result


def dump(path):
    """Frames of a text dump: list of dicts of column -> list of floats, sorted by atom id."""
    frames, lines = [], path.read_text().splitlines()
    for start in (i for i, line in enumerate(lines) if line.startswith("ITEM: NUMBER OF ATOMS")):
        count = int(lines[start + 1])
        header = next(i for i in range(start, len(lines)) if lines[i].startswith("ITEM: ATOMS"))
        columns = lines[header].split()[2:]
        rows = sorted([float(w) for w in line.split()] for line in lines[header + 1 : header + 1 + count])
        assert columns[0] == "id", "dump the id first"
        frames.append({name: [row[k] for row in rows] for k, name in enumerate(columns)})
    return frames


@contextmanager
def noted(text):
    """Adds a note to a failed assertion."""
    try:
        yield
    except AssertionError as error:
        error.add_note(text)
        raise


def assert_close(found, expected, tolerance):
    """Numbers or arrays agree relative to the largest expected, which is not zero."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    largest = np.abs(expected).max()
    assert largest > 0
    assert np.abs(found - expected).max() <= tolerance * largest
