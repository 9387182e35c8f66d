"""Structure of the liquid with the averaged model, from a run of the bare model, by reweighting.

    reweight.py FOLDER SETTLE [ROTATE]     # the folder with the runs of run.sh; ROTATE: octahedral

Each frame of the bare run has the weight exp(-(E_averaged - E_bare) / kT). Both models use the same frames, so their
common noise cancels, and small differences become visible that would be lost in the noise of two runs. The result is
exact as long as enough frames contribute (`effective`). Writes FOLDER/reweighted.json, an input of tables.py and
draw.py, and prints a table.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from observables import BLOCKS, FRAME, STEP, distances, from_lammps, numbers, pieces, structure

ROOT = Path(__file__).resolve().parents[2]
KT = 8.617333262e-5 * 300  # eV
EVERY = 4  # frames: 40 fs
NAMES = {
    "pairs": "g_OO(r)",
    "dipoles": "dipole correlation over r",
    "dipole": "orientations of the dipole",
    "normal": "orientations of the plane",
}


def energies(frames, rotate, model):
    """Energy of each frame, eV, from `tumble eval`."""
    command = [ROOT / "target/release/tumble", "eval", model, frames, "--json", "--rotate", rotate]
    environment = os.environ | dict(ORT_DISABLE_TELEMETRY="1")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return np.array([json.loads(line)["energy"] for line in done.stdout.splitlines()])


def write(path, positions, side):
    """Extended XYZ of frames [frames, N, 3] of molecules O, H, H in a cube."""
    comment = f'Lattice="{side} 0 0 0 {side} 0 0 0 {side}" Properties=species:S:1:pos:R:3 pbc="T T T"'
    with open(path, "w") as file:
        for frame in positions:
            rows = (f"{'OHH'[i % 3]} {x:.8f} {y:.8f} {z:.8f}" for i, (x, y, z) in enumerate(frame))
            print(len(frame), comment, *rows, sep="\n", file=file)


def weights(difference):
    """Weight of each frame, with sum 1, from E_averaged - E_bare, eV."""
    raw = np.exp(-(difference - difference.min()) / KT)
    return raw / raw.sum()


def effective(weight):
    """Equivalent number of frames of equal weight (Kish)."""
    return 1 / np.sum(weight**2)


def changed(weight, values, blocks=BLOCKS):
    """Change of the mean of values [frames, n] by the weights, and its standard error by leaving out each block."""

    def change(kept):
        part = weight[kept] / weight[kept].sum()
        return part @ values[kept] - values[kept].mean(axis=0)

    everything = np.arange(len(weight))
    left_out = [change(np.setdiff1d(everything, block)) for block in np.array_split(everything, blocks)]
    return change(everything), np.sqrt((blocks - 1) * np.var(left_out, axis=0))


def summary(weight, values):
    """Change of every value, the largest change, and the root mean square of change over error."""
    change, error = changed(weight, values)
    most = int(np.argmax(np.abs(change)))
    seen = error > 0
    return {
        "mean": float(values[:, most].mean()),
        "change": float(change[most]),
        "error": float(error[most]),
        "ratio": float(np.sqrt(np.mean((change[seen] / error[seen]) ** 2))),
        "changes": numbers(change),
        "errors": numbers(error),
    }


def table(found):
    """Markdown."""
    worth, deviation, kt = found["effective"], 1e3 * found["deviation"], 1e3 * KT
    yield f"{found['frames']} frames in {found['ps']:.2f} ps of `none`, worth {worth:.0f} after reweighting to"
    yield f"`{found['rotate']}`: energies differ by {deviation:.1f} meV a cell (standard deviation), kT {kt:.1f} meV."
    yield from ["", "| observable | mean where it changes most | change | root mean square of change over error |"]
    yield "|---|---|---|---|"
    for key, name in NAMES.items():
        one = found[key]
        number = f"{one['change']:+.3f} ± {one['error']:.3f}"
        yield f"| {name} | {one['mean']:.3f} | {number} | {one['ratio']:.2f} |"


def main(folder, settle, rotate="octahedral", model=ROOT / "examples/models/water-pet.onnx"):
    """Everything."""
    folder = Path(folder)
    _, _, side, positions = from_lammps(pieces(folder, "none"), int(settle))
    ps, positions = len(positions) * FRAME * STEP, positions[::EVERY]
    frames = folder / "reweighted.xyz"
    write(frames, positions, side)
    difference = energies(frames, rotate, model) - energies(frames, "none", model)
    weight, observed = weights(difference), structure(side, positions)
    found = dict(rotate=rotate, ps=ps, frames=len(weight), effective=float(effective(weight)))
    found |= dict(deviation=float(difference.std()), distances=numbers(distances(side)))
    found |= {key: summary(weight, observed[key]) for key in NAMES}
    (folder / "reweighted.json").write_text(json.dumps(found) + "\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
