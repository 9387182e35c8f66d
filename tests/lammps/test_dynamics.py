"""Trajectories: energy is conserved, and restarts continue exactly."""

from boxes import model, water
from lmp import WATER, dump, succeed

START = """
minimize 0 0.1 40 80
reset_timestep 0
velocity all create 300 4928 mom yes rot yes
timestep 0.0005
fix 1 all nve
thermo_style custom step pe etotal temp
thermo_modify format float %20.15g
"""


def total_energies(folder, rotate, steps, every):
    """Total energy per atom, eV, during a run."""
    script = water(folder, 4) + model(WATER, "rotate none") + START
    script += f"run 40\n{model(WATER, rotate)}thermo {every}\nrun {steps}\n"
    rows = succeed(folder, script).thermo()
    last = [row for row in rows if row["Step"] >= 40][-(steps // every + 1) :]
    return [row["TotEng"] / 192 for row in last]


def test_the_bare_model_conserves_energy(tmp_path):
    energies = total_energies(tmp_path, "rotate none", 400, 5)
    # Velocity Verlet makes the total energy oscillate with the bonds; the test is on the drift of its mean.
    first, last = (sum(part) / len(part) for part in (energies[:30], energies[-30:]))
    assert abs(first - last) < 2e-5
    assert max(energies) - min(energies) < 2.5e-4


def test_an_average_over_a_grid_conserves_energy(tmp_path):
    energies = total_energies(tmp_path, "rotate tetrahedral", 20, 2)
    assert max(energies) - min(energies) < 2.5e-4


RUN = "thermo 10\ndump 1 all custom 10 {dump} id x y z vx vy vz\ndump_modify 1 sort id format float %20.17g\nrun 10\n"


def test_a_restart_continues_the_same_rotations(tmp_path):
    pair = model(WATER, "rotate random seed 7")
    start = water(tmp_path, 2) + pair + START + "restart 5 at.*.restart\n"
    whole = succeed(tmp_path, start + RUN.format(dump="whole.dump")).thermo()[-1]
    again = f"units metal\nnewton on\nread_restart at.5.restart\n{pair}timestep 0.0005\nfix 1 all nve\n"
    again += "thermo_style custom step pe etotal temp\nthermo_modify format float %20.15g\n"
    resumed = succeed(tmp_path, again + RUN.format(dump="resumed.dump").replace("run 10", "run 5")).thermo()[-1]
    assert resumed == whole
    assert dump(tmp_path / "resumed.dump")[-1] == dump(tmp_path / "whole.dump")[-1]


def test_seed_and_step_select_the_rotation(tmp_path):
    energies = []
    for seed in (1, 1, 2):
        script = water(tmp_path, 2) + model(WATER, f"rotate random seed {seed}") + "thermo_style custom step pe\n"
        script += "thermo_modify format float %.15g\nfix 1 all setforce 0 0 0\nrun 0\nfix 2 all nve\nthermo 1\nrun 2\n"
        energies.append([row["PotEng"] for row in succeed(tmp_path, script).thermo()])
    assert energies[0] == energies[1]
    assert energies[0] != energies[2]
    # Nothing moves: only the rotation changes from step to step, and not from run to run at one step.
    assert energies[0][0] == energies[0][1]
    assert len(set(energies[0][1:])) == 3
