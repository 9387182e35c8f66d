"""vesin's neighbor list on one thread, with the same results as the Rust one: pairs, shifts and vectors."""

import time

import ase.io
import vesin


def make(job):
    atoms = ase.io.read(job["structure"])
    positions, cell, periodic = atoms.positions, atoms.cell.array, bool(atoms.pbc.all())
    pairs = vesin.NeighborList(cutoff=job["cutoff"], full_list=True, sorted=job["sorted"], n_threads=1)

    def evaluate():
        start = time.perf_counter()
        pairs.compute(positions, cell, periodic, quantities="ijSD", copy=False)
        return time.perf_counter() - start

    evaluate()
    return evaluate, len(pairs.compute(positions, cell, periodic, quantities="i")[0])
