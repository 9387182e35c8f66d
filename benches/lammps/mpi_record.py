"""Runs LAMMPS on several ranks and records what each of them does in MPI."""

import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


@dataclass
class Rank:
    """The record of a rank: its processor time in the steps, the part in MPI, and (partner, bytes) of each message."""

    seconds: float
    in_mpi: float
    messages: list

    @classmethod
    def read(cls, path):
        """From a file of mpi_record.c."""
        first, *rest = path.read_text().splitlines()
        return cls(*map(float, first.split()), [tuple(map(int, line.split())) for line in rest])


def build(folder, bin_folder):
    """Compiles the recorder for the MPI beside mpiexec."""
    library = Path(folder, "mpi_record.so")
    include = bin_folder.parent / "include"
    command = ["cc", "-shared", "-fPIC", "-O2", f"-I{include}", "-o", library, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(folder, bin_folder, ranks, arguments, environment):
    """Runs LAMMPS; returns the records of the ranks."""
    library, places = build(folder, bin_folder), [bin_folder.parent / "lib", packages(bin_folder) / "lammps"]
    # The script `lmp` would be recorded, too: run the program that it starts.
    lammps = packages(bin_folder) / "lammps/lmp"
    command = [bin_folder / "mpiexec", "-n", str(ranks), "-env", "LD_PRELOAD", library, lammps, *arguments]
    paths = ":".join(map(str, places))
    variables = os.environ | environment | dict(MPI_RECORD=str(folder), LD_LIBRARY_PATH=paths)
    subprocess.run(command, check=True, env=variables)
    return [Rank.read(Path(folder, f"mpi-{rank}")) for rank in range(ranks)]


def packages(bin_folder):
    """The folder of Python packages of a virtual environment."""
    return Path(sysconfig.get_path("purelib", vars=dict(base=str(bin_folder.parent))))
