"""The checkpoint's own model in torch, not compiled, without metatomic's engines, on a prepared neighbor list."""

import sys
from pathlib import Path

import ase.io
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benches/export"), str(ROOT / "python/tumble-export")]


def make(job):
    from contestants import Torch
    from tumble_export.adapter import Structure

    torch.set_num_threads(job["threads"])
    atoms = ase.io.read(job["structure"])
    structure = Structure("", atoms.positions, atoms.cell.array, atoms.numbers, bool(atoms.pbc.all()))
    one = Torch(Path(job["checkpoint"]), structure, job["threads"])
    one()
    return one, one.energy + one.baseline
