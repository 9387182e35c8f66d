"""Finds the Python package in the repository, and the library of `make library`.

With TUMBLE_INSTALLED set it is the wheel's, of the Python that runs this: tests/wheel.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")

if not os.environ.get("TUMBLE_INSTALLED"):
    sys.path.insert(0, str(ROOT / "python/tumble-md"))
    os.environ.setdefault("TUMBLE_LIBRARY", str(TARGET / "release/libtumble.so"))
