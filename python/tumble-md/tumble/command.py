"""The command `tumble` of the wheel: runs the compiled program with the ONNX Runtime of this Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tumble.library import onnx_runtime

PROGRAM = Path(__file__).parent / "tumble"


def main() -> None:
    """Replaces this process by the compiled program."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    if runtime := onnx_runtime():
        os.environ["ORT_DYLIB_PATH"] = runtime
    os.execv(PROGRAM, ["tumble", *sys.argv[1:]])
