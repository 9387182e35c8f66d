"""The command `tumble` of the wheel: the compiled program, told where this Python has ONNX Runtime.

`tumble model` is answered here: it prints the path of a model that comes with the wheel.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tumble.library import onnx_runtime

HERE = Path(__file__).parent
PROGRAM = HERE / "tumble"


def models() -> dict[str, Path]:
    """Name and file of the models that come with the wheel."""
    return {file.stem: file for file in sorted((HERE / "models").glob("*.onnx"))}


def main() -> int:
    """Runs the command line in place of this process."""
    if sys.argv[1:2] == ["model"]:
        return _model(sys.argv[2:])
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    if runtime := onnx_runtime():
        os.environ["ORT_DYLIB_PATH"] = runtime
    os.execv(PROGRAM, ["tumble", *sys.argv[1:]])


def _model(names: list[str]) -> int:
    known = models()
    if len(names) == 1 and names[0] in known:
        print(known[names[0]])
        return 0
    what = "give one name" if len(names) != 1 else f'no model "{names[0]}" comes with tumble'
    print(f"tumble: error: {what}: the models are {', '.join(known)}, as in `tumble model water`", file=sys.stderr)
    return 2
