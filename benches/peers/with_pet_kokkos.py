"""pet-kokkos' ASE calculator at its defaults; it keeps its neighbor list while atoms move little."""


def make(job):
    from calculators import shaken
    from pet_kokkos.ase import PETCalculator

    return shaken(PETCalculator(job["model"]), job["structure"])
