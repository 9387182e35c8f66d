"""Paths of files and programs."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "target/peers"
# The program and the plugin of `make build`.
BUILD = Path(os.environ.get("TUMBLE_BUILD", ROOT / "target/release")).resolve()
VENV = ROOT / ".venv"
RESULTS = HERE / "results.json"
CHECKPOINT = ROOT / "examples/models/water-mtt-pet.ckpt"
WATER = ROOT / "examples/liquid/water-64.data"
ONNX, TORCHSCRIPT, COPY = (WORK / f"water.{suffix}" for suffix in ("onnx", "pt", "ckpt"))


def structure(atoms):
    """The extended XYZ written by `prepare.py`: water, or diamond of 216 atoms."""
    return WORK / f"{'diamond' if atoms == 216 else 'water'}-{atoms}.xyz"


def tensors(atoms):
    """The folder of the model's inputs for a structure, written by `prepare.py`."""
    return WORK / f"tensors-{atoms}"


def library():
    """ONNX Runtime of `make setup`."""
    return next(VENV.glob("lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*")).resolve()


@cache
def program():
    """The Rust workers, built with the settings of releases."""
    command = ["cargo", "bench", "--profile", "measure", "--bench", "peers", "--no-run", "--message-format", "json"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = map(json.loads, done.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "peers" and m.get("executable"))
