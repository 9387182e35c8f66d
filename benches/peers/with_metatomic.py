"""metatomic's ASE calculator, bare and symmetrized, with a TorchScript file or the model of a checkpoint."""

import resource
import sys

# An optional package for neighbor lists on GPUs. Its import alone would add 400 MB to the process.
sys.modules["nvalchemiops"] = None

import torch  # noqa: E402
from calculators import evaluate, shaken  # noqa: E402
from metatomic_ase import MetatomicCalculator, SymmetrizedCalculator  # noqa: E402

__all__ = ["calculator", "evaluate", "make"]
# For `torch.compile`, as in metatrain's own tests.
DYNAMIC = ("capture_scalar_outputs", "capture_dynamic_output_shape_ops", "specialize_int")


def calculator(job):
    """The calculator, with the defaults of metatomic; `symmetrized` may have options of its average."""
    torch.set_num_threads(job["threads"])
    model = job["torchscript"] if "torchscript" in job else eager(job["checkpoint"], job.get("compiled", False))
    base, options = MetatomicCalculator(model, device="cpu"), job.get("symmetrized")
    if not options:
        return base
    limit()
    return SymmetrizedCalculator(base, **(options if isinstance(options, dict) else {}))


def limit():
    """Let the process fail before it takes the memory of others: by default all rotations are one batch."""
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    resource.setrlimit(resource.RLIMIT_DATA, (free * 3 // 4,) * 2)


def eager(checkpoint, compiled):
    """The model of a checkpoint in Python, compiled on request."""
    from metatrain.utils.io import load_model

    model = load_model(checkpoint).eval()
    if compiled:
        for name in DYNAMIC:
            setattr(torch._dynamo.config, name, True)
        for name in ("preprocess", "calculate_features", "predict"):
            setattr(model.backend, name, torch.compile(getattr(model.backend, name)))
    return model.export()


def make(job):
    return shaken(calculator(job), job["structure"])
