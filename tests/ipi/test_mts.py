"""i-PI's own multiple time stepping: the bare model at inner steps, averaged minus bare at outer steps."""

import os
import subprocess

import numpy as np
import pytest
from oracle import evaluate_run
from simulation import BIN, ENVIRONMENT, ROOT, TOY, TUMBLE, Simulation, assert_close, at_once, crystal, ffsocket, unique

EVERY, OUTER = 4, 15
FORCES = """<force forcefield='fast'> <mts_weights> [0, 1] </mts_weights> </force>
<force forcefield='slow'> <mts_weights> [1, 0] </mts_weights> </force>"""
OCTAHEDRAL = ["--rotate", "octahedral"]


def simulate(folder, every):
    """Steps of 0.25 fs; with `every` of 1 the averaged model alone."""
    fast, slow = unique(), unique()
    if every == 1:
        parts, clients = {"steps": OUTER * EVERY}, [[TOY, "--unix", slow, *OCTAHEDRAL]]
        fields, forces = ffsocket(slow, name="slow"), "<force forcefield='slow'/>"
    else:
        parts = {"steps": OUTER, "dynamics": f"<nmts> [1, {every}] </nmts>"}
        clients = [[TOY, "--unix", fast], [TOY, "--unix", slow, *OCTAHEDRAL, "--correction"]]
        fields, forces = ffsocket(fast, name="fast") + ffsocket(slow, name="slow"), FORCES
    simulation = Simulation(folder, crystal(), fields, forces=forces, timestep=0.25 * every, **parts)
    simulation.said = simulation.run(*clients)
    return simulation


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs with and without time stepping."""
    folder = tmp_path_factory.mktemp("mts")
    return at_once(lambda every: simulate(folder / str(every), every), [1, EVERY])


def test_bare_and_correction_add_up(runs):
    """At the outer steps; only these are printed."""
    energies, forces, virials = evaluate_run(runs[1], TOY, *OCTAHEDRAL)
    assert_close(runs[1].properties()["potential"], energies, 1e-12)
    assert_close(runs[1].forces(), forces, 1e-9)
    assert_close(runs[1].virials(), virials, 1e-9)


def test_the_average_is_made_at_outer_steps_only(runs):
    """And once more at the start."""
    fast, slow = runs[1].said
    assert f"{EVERY * OUTER + 1} structures" in fast
    assert f"{OUTER + 1} structures, {24 * (OUTER + 1)} evaluations" in slow


def test_energy_is_conserved_and_the_path_is_that_of_averaging_at_every_step(runs):
    """The correction is small and slow: applied at every fourth step it changes hardly anything."""
    plain, stepped = runs
    kinetic = np.ptp(plain.properties()["kinetic_md"])
    for run in runs:
        assert np.ptp(run.properties()["conserved"]) < 0.01 * kinetic
    moved = plain.positions()[-1] - plain.positions()[0]
    assert np.abs(moved).max() > 0.1
    assert_close(stepped.positions()[-1] - stepped.positions()[0], moved, 0.01)


def test_the_example_runs(tmp_path):
    """Two outer steps of 64 H2O, with a kinetic energy of 7.5 eV."""
    variables = {**ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}", "TUMBLE": str(TUMBLE), "OUT": str(tmp_path)}
    command = [ROOT / "examples/ipi-mts/run.sh", "2"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    table = np.loadtxt(tmp_path / "water.properties")
    assert table[:, 0].tolist() == [0, 1, 2]
    assert np.ptp(table[:, 2]) < 0.02
    assert "9 structures" in (tmp_path / "fast.log").read_text()
    assert "3 structures, 72 evaluations" in (tmp_path / "slow.log").read_text()
