"""Tests of the exporter without torch; those with torch are in python/tumble-export/tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/tumble-export"))
