"""metatomic's ASE calculator, bare and symmetrized, with the TorchScript file of the same checkpoint."""

import time

import ase.io
import numpy as np
import torch
from ase.calculators.calculator import all_changes
from metatomic_ase import MetatomicCalculator, SymmetrizedCalculator

SHAKE = 0.01  # Å: as in main.rs


def calculator(job):
    """The calculator, with the defaults of metatomic."""
    torch.set_num_threads(job["threads"])
    base = MetatomicCalculator(job["torchscript"], device="cpu")
    return SymmetrizedCalculator(base) if job.get("symmetrized") else base


def evaluate(made, atoms):
    """Energy (eV) and forces [N, 3] (eV/Å), without ASE's cache."""
    made.calculate(atoms, ["energy", "forces"], all_changes)
    return float(made.results["energy"]), made.results["forces"]


def make(job):
    made, atoms, random = calculator(job), ase.io.read(job["structure"]), np.random.default_rng(0)
    start = atoms.positions.copy()

    def once():
        atoms.positions = start + random.normal(0, SHAKE / np.sqrt(3), start.shape)
        clock = time.perf_counter()
        evaluate(made, atoms)
        return time.perf_counter() - clock

    return once, evaluate(made, atoms)[0]
