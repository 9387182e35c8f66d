"""Molecules in batches: `Tumble.calculate_many` beside metatomic's calculator, which evaluates a list of structures.

Clusters of 3 to 20 H2O (9 to 60 atoms), energy and forces. Both in one process, in turns; prints times, the median
ratio, and the largest difference of the forces.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from ase import Atoms

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benches/peers"), str(ROOT / "python/tumble-md")]
os.environ.setdefault("TUMBLE_LIBRARY", str(ROOT / "target/release/libtumble.so"))
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from tumble.ase import Tumble  # noqa: E402
from with_metatomic import calculator as metatomic  # noqa: E402

ARMS = np.array([[0, 0, 0], [0.757, 0.587, 0], [-0.757, 0.587, 0]])


def cluster(molecules, random):
    """Molecules in random orientations on a cubic lattice, isolated."""
    side = int(np.ceil(molecules ** (1 / 3) - 1e-9))
    corners = 3.0 * np.stack(np.unravel_index(np.arange(molecules), (side,) * 3), axis=1)
    turns = np.linalg.qr(random.normal(size=(molecules, 3, 3)))[0]
    positions = corners[:, None] + np.einsum("mxy,ay->max", turns, ARMS)
    return Atoms("OHH" * molecules, positions.reshape(-1, 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the ONNX file; its checkpoint .ckpt is beside it")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64, help="structures in a batch of metatomic's calculator")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    frames = [cluster(3 + index % 18, random) for index in range(options.frames)]
    tumble = Tumble(str(options.model), threads=options.threads)
    torch = metatomic(dict(checkpoint=str(options.model.with_suffix(".ckpt")), threads=options.threads))

    def in_batches():
        starts = range(0, len(frames), options.batch)
        found = [torch.compute_energy(frames[start : start + options.batch], True) for start in starts]
        return [forces for batch in found for forces in batch["forces"]]

    def together():
        tumble.calculate_many(frames)
        return [atoms.get_forces() for atoms in frames]

    rows = [(timed(together), timed(in_batches)) for _ in range(options.rounds)]
    apart = max(np.abs(a - b).max() for a, b in zip(rows[0][0][1], rows[0][1][1], strict=True))
    for name, seconds in zip(("tumble", "torch"), zip(*[(a[0], b[0]) for a, b in rows], strict=True), strict=True):
        print(f"{name}: {np.median(seconds) / len(frames) * 1e3:.3f} ms per structure")
    print(f"torch over tumble: {np.median([b[0] / a[0] for a, b in rows]):.2f}; forces differ by {apart:.1e} eV/Å")


def timed(work):
    """Seconds and the result."""
    clock = time.perf_counter()
    found = work()
    return time.perf_counter() - clock, found


if __name__ == "__main__":
    main()
