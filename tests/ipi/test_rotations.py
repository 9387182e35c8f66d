"""i-PI's <ffrotations> around a bare driver, and the same grid inside tumble, in one i-PI on the same structures."""

import numpy as np
import pytest
from simulation import TOYS, WATER, Simulation, assert_close, at_once, crystal, ffsocket, unique, water

HARMONIC, TWOHOP = (TOYS / f"{name}-padded-f64.onnx" for name in ("harmonic", "twohop"))
GRIDS = [
    ("lebedev", 3, False),
    ("lebedev", 3, True),
    ("lebedev", 5, False),
    ("lebedev", 7, True),
    ("legendre", 1, True),
    ("legendre", 2, False),
    ("legendre", 2, True),
    ("legendre", 3, False),
]
SIZES = {
    ("lebedev", 3): 18,
    ("lebedev", 5): 70,
    ("lebedev", 7): 182,
    ("legendre", 1): 1,
    ("legendre", 2): 18,
    ("legendre", 3): 75,
}
SOME = [GRIDS[1], GRIDS[5]]

# System: model, structure, grids, limits of energies, forces and virials.
SYSTEMS = {
    "harmonic": (HARMONIC, crystal(), GRIDS, 1e-13, 1e-9),
    "twohop": (TWOHOP, crystal(1), SOME, 1e-13, 1e-9),
    "water": (WATER, water(2, 6.0), SOME, 1e-7, 1e-5),
}
CASES = [(system, grid) for system, (_, _, grids, _, _) in SYSTEMS.items() for grid in grids]

ROTATIONS = """<ffrotations name='turned{k}' pbc='false'>
  <grid_mode> {mode} </grid_mode> <grid_order> {order} </grid_order> <inversion> {inversion} </inversion>
  <latency> 1e-3 </latency> {inner}
</ffrotations>"""


def pair(k, model, mode, order, inversion):
    """Force fields and clients of one grid, in both ways."""
    outside, inside = unique(), unique()
    inner = ffsocket(outside, name=f"bare{k}")
    fields = ROTATIONS.format(k=k, mode=mode, order=order, inversion=inversion, inner=inner)
    rotate = ["--rotate", f"{mode}:{order}", *(["--inversion"] if inversion else [])]
    clients = [[model, "--unix", outside], [model, "--unix", inside, *rotate]]
    return fields + ffsocket(inside, name=f"averaged{k}"), clients


def outputs(components):
    """Forces and extras of each component."""
    lines = []
    for k in range(components):
        lines.append(f"<trajectory filename='part{k}' format='bin'> forces_component_raw({k}) </trajectory>")
        lines.append(
            f"<trajectory filename='pots{k}' extra_type='o3grid_pots'> extras_component_raw({k}) </trajectory>"
        )
    return "\n".join(lines)


def simulate(folder, system):
    """Three structures along a trajectory on the mean of all force fields."""
    model, structure, grids, _, _ = SYSTEMS[system]
    pairs = [pair(k, model, *grid) for k, grid in enumerate(grids)]
    count = 2 * len(grids)
    names = [f"{name}{k}" for k in range(len(grids)) for name in ("turned", "averaged")]
    simulation = Simulation(
        folder,
        structure,
        "".join(fields for fields, _ in pairs),
        steps=2,
        forces="".join(f"<force forcefield='{name}' weight='{1 / count}'/>" for name in names),
        outputs=outputs(count),
        properties=", ".join(f"pot_component_raw({k}), vir_component({k})" for k in range(count)),
    )
    simulation.run(*(client for _, clients in pairs for client in clients))
    return simulation


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All systems, each with all its grids in one i-PI."""
    folder = tmp_path_factory.mktemp("rotations")
    return dict(zip(SYSTEMS, at_once(lambda system: simulate(folder / system, system), SYSTEMS)))


def part(simulation, k):
    """Energies, virials, forces and energies of the rotations from the k-th component."""
    columns = simulation.properties()["more"][:, 7 * k : 7 * k + 7]
    data = (simulation.folder / f"out.part{k}.bin").read_bytes()
    size, head = len(data) // 3, 80 + 24 * simulation.atoms
    forces = np.array([np.frombuffer(data[i * size + 80 : i * size + head]) for i in range(3)])
    return columns[:, 0], columns[:, 1:], forces, np.loadtxt(simulation.folder / f"out.pots{k}", ndmin=2)


@pytest.mark.parametrize("system, grid", CASES)
def test_the_grid_inside_equals_the_grid_outside(runs, system, grid):
    """The limit of energies is smaller, since they are mostly a constant, the energies of the free atoms."""
    _, _, grids, energy, other = SYSTEMS[system]
    k = grids.index(grid)
    theirs, ours = (part(runs[system], 2 * k + i) for i in (0, 1))
    assert_close(ours[0], theirs[0], energy)
    assert_close(ours[1], theirs[1], other)
    assert_close(ours[2], theirs[2], other)


@pytest.mark.parametrize("system, grid", CASES)
def test_energies_of_the_rotations_come_in_the_same_order(runs, system, grid):
    """Their spread is far larger than the differences."""
    _, _, grids, limit, _ = SYSTEMS[system]
    k = grids.index(grid)
    theirs, ours = (part(runs[system], 2 * k + i)[3] for i in (0, 1))
    assert ours.shape[1] == SIZES[grid[:2]] * (1 + grid[2])
    assert_close(ours, theirs, limit)
    assert np.ptp(theirs, axis=1).min() > 100 * limit * np.abs(theirs).max()
