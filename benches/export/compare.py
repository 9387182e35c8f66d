"""The exported file against the same PET in torch: time and memory. `make bench-export`, in the exporter's environment.

Energies and gradients of 3, 192 and 648 atoms of water on one and two threads. Contestants take turns, so that other
load on the machine affects all alike: a ratio is taken in each round, then its median over rounds. All times exclude
the neighbor list; torch's include forces and virial, the file's exclude the driver's sum over edges.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from contestants import MAKERS, frame
from memory import megabytes
from table import lines

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python/tumble-export"), str(ROOT / "python/tumble-export/tests/fixtures")]
PETS = ROOT / "target" / "pets"
ATOMS = {3: 60, 192: 9, 648: 5}  # rounds
PET = dict(cutoff=4.5, cutoff_width=0.5, d_pet=64, d_head=64, d_node=128, d_feedforward=128, num_attention_layers=2)


def checkpoint():
    """A PET with d 64 and 2 layers of 2 attention layers; trained for one epoch, since only its size matters."""
    import train

    if not (PETS / "bench.ckpt").exists():
        train.train(PETS, "feedforward")  # writes the data
        train.mtt(PETS, train.options(PET, {}, dict(num_epochs=1)), "bench")
    return PETS / "bench.ckpt"


def prepare(path):
    """The ONNX file and the TorchScript file beside a checkpoint, made again if the exporter has changed."""
    from tumble_export import pipeline
    from tumble_export.metatrain import load, pet_adapter

    sources = [path, *(ROOT / "python/tumble-export/tumble_export").rglob("*.py")]
    if older(path.with_suffix(".onnx"), sources):
        pipeline.write(pet_adapter.make(path), str(path.with_suffix(".onnx")))
    if older(path.with_suffix(".pt"), [path]):
        load.load(path).whole.float().export().save(str(path.with_suffix(".pt")))


def older(path, sources):
    """Whether a file is missing or older than one of its sources."""
    return not path.exists() or path.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def rounds(made, count):
    """Seconds [contestant][round]; the first two rounds are dropped."""
    times = [[one() for one in made.values()] for _ in range(count + 2)]
    return dict(zip(made, np.array(times[2:]).T))


def measure(path, threads, atoms):
    """Milliseconds, ratios of the file's time, and the largest difference in energy, for one size."""
    structure = frame(atoms)
    made = {name: maker(path, structure, threads) for name, maker in MAKERS.items()}
    times = rounds(made, ATOMS[atoms])
    energies = {name: one.energy for name, one in made.items()}
    return dict(
        atoms=atoms,
        threads=threads,
        slots=made["file"].slots,
        filled=made["file"].filled,
        milliseconds={name: 1e3 * float(np.median(t)) for name, t in times.items()},
        ratios={name: float(np.median(times["file"] / t)) for name, t in times.items() if name != "file"},
        apart=max(abs(e - energies["torch"]) for e in energies.values()),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="instead of the PET of the documentation")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", help="write the measurements to this file")
    options = parser.parse_args()
    path = options.checkpoint or checkpoint()
    prepare(path)
    rows = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for atoms in ATOMS:
            rows.append(measure(path, threads, atoms))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    memory = [dict(atoms=atoms, **{name: megabytes(name, path, atoms) for name in MAKERS}) for atoms in (192, 648)]
    if options.json:
        Path(options.json).write_text(json.dumps(dict(times=rows, memory=memory), indent=1))
    print("\n".join(lines(rows, memory)))


if __name__ == "__main__":
    main()
