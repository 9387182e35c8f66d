"""The jobs of all contestants."""

from conduct import Contestant
from places import BUILD, COPY, ONNX, TORCHSCRIPT, library, structure, tensors
from prepare import baseline

DEFAULT_MEMORY = 2048  # MiB: tumble's own default


def tumble(name, atoms, threads, rotate="none", inversion=False, memory=DEFAULT_MEMORY):
    """tumble's calculator."""
    job = dict(kind="tumble", model=str(ONNX), structure=str(structure(atoms)), rotate=rotate, inversion=inversion)
    return Contestant(name, job | dict(threads=threads, memory=memory))


def floors(atoms, threads):
    """ONNX Runtime alone, through its C interface and from Python."""
    job = dict(model=str(ONNX), tensors=str(tensors(atoms)), threads=threads, baseline=baseline(atoms))
    yield Contestant("ONNX Runtime, C", dict(kind="floor", library=str(library()), **job))
    yield Contestant("ONNX Runtime, Python", dict(kind="bare", **job))


def torch(atoms, threads):
    """The same model in torch: by itself, and through metatomic's calculator."""
    job = dict(structure=str(structure(atoms)), threads=threads)
    yield Contestant("torch eager", dict(kind="eager", checkpoint=str(COPY), **job))
    yield Contestant("metatomic", dict(kind="with_metatomic", torchscript=str(TORCHSCRIPT), **job))


def symmetrized(atoms, threads):
    """metatomic's average over rotations at its defaults."""
    job = dict(kind="with_metatomic", torchscript=str(TORCHSCRIPT), structure=str(structure(atoms)), threads=threads)
    return Contestant("SymmetrizedCalculator", job | dict(symmetrized=True))


def ipi(name, driver, atoms, beads=1, batch=1, steps=1, **rotations):
    """i-PI and a driver with one thread, on two cores, so that they do not wait for each other."""
    job = dict(kind="with_ipi", driver=driver, structure=str(structure(atoms)), beads=beads, batch=batch, steps=steps)
    files = dict(program=str(BUILD / "tumble"), model=str(ONNX), torchscript=str(TORCHSCRIPT))
    return Contestant(name, job | files | dict(threads=1) | rotations, cores=2)


def lammps(name, style, steps):
    """The pair style in LAMMPS; 192 atoms of water."""
    from places import WATER

    job = dict(kind="with_lammps", model=str(ONNX), data=str(WATER), style=style, steps=steps, threads=1)
    return Contestant(name, job)


def pairs(atoms, cutoff):
    """Neighbor lists."""
    job = dict(structure=str(structure(atoms)), cutoff=cutoff, threads=1)
    yield Contestant("tumble", dict(kind="pairs", **job))
    yield Contestant("vesin", dict(kind="with_vesin", sorted=False, **job))
    yield Contestant("vesin, sorted", dict(kind="with_vesin", sorted=True, **job))
