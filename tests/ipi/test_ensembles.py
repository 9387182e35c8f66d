"""i-PI's dynamics with forces from `tumble ipi`: every step equals `tumble eval` for the same structure."""

import numpy as np
import pytest
from oracle import evaluate_run
from simulation import TOY, WATER_F64, Simulation, assert_close, at_once, crystal, ffsocket, free_port, unique, water

THERMOSTAT = "<thermostat mode='langevin'><tau units='femtosecond'> 20 </tau></thermostat>"
BAROSTAT = f"<barostat mode='isotropic'><tau units='femtosecond'> 500 </tau>{THERMOSTAT}</barostat>{THERMOSTAT}"
PRESSURE = "<pressure units='megapascal'> 500 </pressure>"
MODELS = {"toy": TOY, "water": WATER_F64}
CASES = [
    ("nve", "unix", "toy"),
    ("nvt", "inet", "toy"),
    ("npt", "unix", "toy"),
    ("nve", "inet", "water"),
    ("npt", "unix", "water"),
]


def simulate(folder, mode, door, system):
    """Thirty steps; with a barostat i-PI wraps the atoms before it sends them."""
    address = free_port() if door == "inet" else unique()
    structure = crystal() if system == "toy" else water(2, 6.0)
    simulation = Simulation(
        folder,
        structure,
        ffsocket(address, door, pbc="true" if mode == "npt" else "false"),
        steps=30,
        mode=mode,
        timestep=0.25,
        ensemble=PRESSURE if mode == "npt" else "",
        dynamics={"nve": "", "nvt": THERMOSTAT, "npt": BAROSTAT}[mode],
    )
    simulation.run([MODELS[system], *door_arguments(door, address)])
    return simulation


def door_arguments(door, address):
    """The client's options for the address of the server."""
    return ["--tcp", f"localhost:{address}"] if door == "inet" else ["--unix", address]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All cases by name."""
    folder = tmp_path_factory.mktemp("dynamics")
    return dict(zip(CASES, at_once(lambda case: simulate(folder / "-".join(case), *case), CASES)))


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_steps_equal_eval(runs, case):
    """The limits are a thousand times the rounding of sums; a wrong constant would be off by 1e-7."""
    energies, forces, virials = evaluate_run(runs[case], MODELS[case[2]])
    limit = 1e-9
    # Most of an energy is a constant, the energies of the free atoms.
    assert_close(runs[case].properties()["potential"], energies, 1e-12)
    assert_close(runs[case].forces(), forces, limit)
    assert_close(runs[case].virials(), virials, limit)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_conserved_quantities_are_conserved(runs, case):
    """Heat and work of thermostat and barostat are included; only the error of the time step remains."""
    rows = runs[case].properties()
    assert len(rows["step"]) == 31
    swing, kinetic = np.ptp(rows["conserved"]), np.ptp(rows["kinetic_md"])
    assert 0 < swing < 0.01 * kinetic


def test_volume_and_atoms_change_as_in_the_ensemble(runs):
    """The volume changes under a barostat only, and atoms move."""
    for case, simulation in runs.items():
        volume = simulation.properties()["volume"]
        assert (np.ptp(volume) > 1e-6 * volume[0]) == (case[0] == "npt")
        assert np.ptp(simulation.positions(), axis=0).max() > 0.05
