"""Train, finish and export the water models of this folder: `python train_water.py [DATA] [--minutes 37]`.

Needs `pip install ./python/tumble-export[figures]`. Takes the budget of minutes on two cores, and a few minutes more.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1].parent / "shared" / "data" / "water-pbe0ts"
SIZE = ["--width", "32", "--hidden", "64", "--heads", "2", "--lr", "2.5e-3"]


def run(module, *words):
    subprocess.run([sys.executable, "-m", module, *map(str, words)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default=DATA, help="folder of data_0.npz to data_3.npz")
    parser.add_argument("--minutes", default="37")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the output")
    args = parser.parse_args()
    raw, final, curve = (args.out / name for name in ("training.pt", "water-pet.pt", "learning_curve.csv"))
    run("tumble_export.compact.train", args.data, "--minutes", args.minutes, *SIZE, "--out", raw, "--log", curve)
    run("tumble_export.compact.finalize", raw, args.data, "--out", final)
    run("tumble_export", "compact", final, "-o", args.out / "water-pet.onnx")
    run("tumble_export", "compact", final, "-o", args.out / "water-pet-f64.onnx", "--dtype", "float64")
    run("tumble_export.compact.curve", curve, args.out / "learning_curve.svg")


if __name__ == "__main__":
    main()
