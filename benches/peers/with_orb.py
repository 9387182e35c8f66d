"""The ASE calculator of orb-models at its defaults, with random weights; with `compiled` through `torch.compile`."""

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python/tumble-export"))


def make(job):
    from calculators import shaken

    torch.set_num_threads(job["threads"])
    return shaken(calculator(job["architecture"], job["seed"], job.get("compiled", False)), job["structure"])


def calculator(name, seed, compiled):
    """The calculator of a model as the package's `load_model` leaves it, "float32-high"."""
    from tumble_export.orb import load

    torch.set_float32_matmul_precision("high")
    model, edges = load.architecture(name, seed)
    for parameter in model.eval().parameters():
        parameter.requires_grad = False
    if compiled:
        model.compile(mode="default", dynamic=True)
    try:
        from orb_models.forcefield.forcefield_adapter import ForcefieldAtomsAdapter
        from orb_models.forcefield.inference.calculator import ORBCalculator
    except ImportError:  # before version 0.6
        from orb_models.forcefield.calculator import ORBCalculator

        return ORBCalculator(model, device="cpu")
    model.prepare_for_inference()
    return ORBCalculator(model, ForcefieldAtomsAdapter(edges.radius, edges.limit), device="cpu")
