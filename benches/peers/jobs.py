"""The jobs of all workers."""

from paths import BUILD, COPY, ONNX, TORCHSCRIPT, library, structure, tensors
from prepare import baseline
from runner import Worker

DEFAULT_MEMORY = 2048  # MiB: tumble's own default


def tumble(name, atoms, threads, rotate="none", inversion=False, memory=DEFAULT_MEMORY):
    """tumble's calculator."""
    job = dict(kind="tumble", model=str(ONNX), structure=str(structure(atoms)), rotate=rotate, inversion=inversion)
    return Worker(name, job | dict(threads=threads, memory=memory))


def onnx_runtime(atoms, threads):
    """ONNX Runtime alone, through its C interface and from Python."""
    job = dict(model=str(ONNX), tensors=str(tensors(atoms)), threads=threads, baseline=baseline(atoms))
    yield Worker("ONNX Runtime, C", dict(kind="ort_c", library=str(library()), **job))
    yield Worker("ONNX Runtime, Python", dict(kind="ort_python", **job))


def torch(atoms, threads):
    """The same model in torch: by itself, and through metatomic's calculator."""
    job = dict(structure=str(structure(atoms)), threads=threads)
    yield Worker("torch eager", dict(kind="torch_eager", checkpoint=str(COPY), **job))
    yield Worker("metatomic", dict(kind="with_metatomic", torchscript=str(TORCHSCRIPT), **job))


def symmetrized(atoms, threads):
    """metatomic's average over rotations at its defaults."""
    job = dict(kind="with_metatomic", torchscript=str(TORCHSCRIPT), structure=str(structure(atoms)), threads=threads)
    return Worker("SymmetrizedCalculator", job | dict(symmetrized=True))


def ipi(name, driver, atoms, beads=1, batch=1, steps=1, **rotations):
    """i-PI and a driver with one thread, on two cores, so that they do not wait for each other."""
    job = dict(kind="with_ipi", driver=driver, structure=str(structure(atoms)), beads=beads, batch=batch, steps=steps)
    files = dict(program=str(BUILD / "tumble"), model=str(ONNX), torchscript=str(TORCHSCRIPT))
    return Worker(name, job | files | dict(threads=1) | rotations, cores=2)


def lammps(name, style, steps):
    """The pair style in LAMMPS; 192 atoms of water."""
    from paths import WATER

    job = dict(kind="with_lammps", model=str(ONNX), data=str(WATER), style=style, steps=steps, threads=1)
    return Worker(name, job)


def pairs(atoms, cutoff):
    """Neighbor lists."""
    job = dict(structure=str(structure(atoms)), cutoff=cutoff, threads=1)
    yield Worker("tumble", dict(kind="pairs", **job))
    yield Worker("vesin", dict(kind="with_vesin", sorted=False, **job))
    yield Worker("vesin, sorted", dict(kind="with_vesin", sorted=True, **job))
