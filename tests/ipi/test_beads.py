"""Ring polymers: all ways to send the beads give the same forces, with the requested rotations."""

import numpy as np
import pytest
from oracle import evaluate, evaluate_run
from simulation import (
    BOHR_PER_ANGSTROM,
    HARTREE_PER_EV,
    TOY,
    Simulation,
    assert_close,
    at_once,
    crystal,
    ffsocket,
    unique,
)

BEADS, STEPS = 8, 5
PATIENT = "<consolidate_messages> false </consolidate_messages>"
RANDOM = ["--rotate", "random", "--seed", 5]


def batch(size):
    """`count` structures per message."""
    return f"<batch_size> {size} </batch_size>"


# Name: mode, content of <ffsocket>, arguments. 3 and 16 do not divide 8: i-PI fills up with copies.
WAYS = {
    "one by one": ("unix", "", []),
    "eight connections": ("unix", "", ["--connections", 8]),
    "in batches of 3": ("unix", batch(3), []),
    "in batches of 16": ("unix", batch(16), []),
    "two connections in batches": ("unix", batch(4), ["--connections", 2]),
    "shared memory": ("shm", "", ["--shm"]),
    "shared memory in batches": ("shm", batch(8), ["--shm"]),
    "shared memory in batches of 3": ("shm", batch(3), ["--shm"]),
    "not consolidated": ("unix", PATIENT, ["--connections", 8]),
    "not consolidated, shared memory": ("shm", PATIENT, ["--shm"]),
    "shared turns": ("unix", batch(8), [*RANDOM, "--streams", "shared"]),
    "shared turns, eight connections": (
        "unix",
        "",
        [*RANDOM, "--streams", "shared", "--connections", 8, "--beads", 8],
    ),
    "independent turns": ("unix", batch(8), RANDOM),
}
BARE = [name for name in WAYS if "turns" not in name][1:]
SHARED = [name for name in WAYS if name.startswith("shared turns")]
INDEPENDENT = [name for name in WAYS if name.startswith("independent")]

# Of energies: most of them is a constant, the energies of the free atoms.
ENERGY = 1e-13

# One bead with random rotations: arguments of both sides, arguments of `tumble ipi` alone.
SINGLE = {
    "random": (RANDOM, []),
    "later": (RANDOM, ["--step", 7]),
    "grid": (["--rotate", "tetrahedral+random", "--inversion"], []),
}


def simulate(folder, beads, mode, extra, arguments):
    """A short run of the toy."""
    name = unique()
    forcefield = ffsocket(name, mode, extra=extra)
    simulation = Simulation(folder, crystal(), forcefield, steps=STEPS, beads=beads, timestep=0.25)
    simulation.said = simulation.run([TOY, "--unix", name, *arguments])
    return simulation


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All runs by name."""
    folder = tmp_path_factory.mktemp("beads")
    jobs = {name: (BEADS, *way) for name, way in WAYS.items()}
    jobs |= {name: (1, "unix", "", [*both, *alone]) for name, (both, alone) in SINGLE.items()}
    done = at_once(lambda name: simulate(folder / name.replace(" ", "-"), *jobs[name]), jobs)
    return dict(zip(jobs, done))


@pytest.mark.parametrize("name", BARE)
def test_trajectories_of_all_ways_are_the_same(runs, name):
    """Batches change the order of sums, by 1e-16, and five steps of dynamics hardly amplify this."""
    base = runs["one by one"]
    for column in ("potential", "conserved", "bead_potentials"):
        assert_close(runs[name].properties()[column], base.properties()[column], 1e-9)
    assert_close(runs[name].virials(), base.virials(), 1e-9)
    for bead in range(BEADS):
        assert_close(runs[name].positions(bead), base.positions(bead), 1e-9)
        assert_close(runs[name].forces(bead), base.forces(bead), 1e-9)


def test_beads_equal_eval(runs):
    base = runs["one by one"]
    for bead in (0, 3, 7):
        energies, forces, _ = evaluate_run(base, TOY, bead=bead)
        assert_close(base.properties()["bead_potentials"][:, bead], energies, 1e-9)
        assert_close(base.forces(bead), forces, 1e-9)
    assert np.ptp(base.properties()["bead_potentials"][-1]) > 1e-4


def test_eight_connections_are_evaluated_together(runs):
    """Nothing is evaluated twice, for any batch."""
    for name in ("one by one", "eight connections", "two connections in batches"):
        assert f"{BEADS * (STEPS + 1)} structures, {BEADS * (STEPS + 1)} evaluations" in runs[name].said[0]


@pytest.mark.parametrize("name", SHARED)
def test_beads_of_a_step_are_turned_together(runs, name):
    """Step k has the rotations of the k-th frame of `tumble eval`, for every bead."""
    run = runs[name]
    energies = run.properties()["bead_potentials"]
    assert np.ptp(energies[0]) <= 1e-12 * abs(energies[0, 0])
    for bead in range(BEADS):
        expected, forces, _ = evaluate_run(run, TOY, *RANDOM, bead=bead)
        assert_close(energies[:, bead], expected, ENERGY)
        assert_close(run.forces(bead), forces, 1e-9)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_beads_of_a_step_are_turned_independently(runs, name):
    """At the start all beads are equal, but no two have the same energy; the first has the rotations of eval."""
    run = runs[name]
    energies = run.properties()["bead_potentials"]
    assert np.diff(np.sort(energies[0])).min() > 1e-7
    expected, forces, _ = evaluate_run(run, TOY, *RANDOM)
    assert_close(energies[:, 0], expected, ENERGY)
    assert_close(run.forces(0), forces, 1e-9)


@pytest.mark.parametrize("name", SINGLE)
def test_steps_are_counted(runs, name):
    run, (both, alone) = runs[name], SINGLE[name]
    first = alone[1] if alone else 0
    cells, positions = (np.concatenate([x[:1]] * first + [x]) / BOHR_PER_ANGSTROM for x in run.frames("positions"))
    energies, forces, virials = evaluate(run.folder, TOY, run.symbols, cells, positions, *both)
    assert_close(run.properties()["potential"], energies[first:] * HARTREE_PER_EV, ENERGY)
    assert_close(run.forces(), forces[first:] * HARTREE_PER_EV / BOHR_PER_ANGSTROM, 1e-9)
    assert_close(run.virials(), virials[first:] * HARTREE_PER_EV, 1e-9)
    assert run.symbols == crystal().symbols
