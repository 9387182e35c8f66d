"""tumble's ASE calculator."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python/tumble-md"))


def make(job):
    from calculators import shaken
    from tumble.ase import Tumble

    rotate = job.get("rotate")
    return shaken(Tumble(job["model"], rotate=rotate, threads=job["threads"]), job["structure"])
