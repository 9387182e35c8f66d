"""ASE's SocketIOCalculator with forces from `tumble ipi`."""

from contextlib import contextmanager

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.socketio import SocketIOCalculator
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from oracle import evaluate
from simulation import (
    BOHR_PER_ANGSTROM,
    HARTREE_PER_EV,
    TOY,
    WATER_F64,
    assert_close,
    client,
    crystal,
    finish,
    free_port,
    unique,
    water,
)

# ASE has newer constants than i-PI's wire: its results differ in the eighth digit.
LENGTH, ENERGY = units.Bohr * BOHR_PER_ANGSTROM, units.Ha * HARTREE_PER_EV
OCTAHEDRAL = ["--rotate", "octahedral", "--inversion"]


@contextmanager
def served(folder, atoms, door, model, *arguments):
    """Atoms with a calculator served by `tumble ipi`, which must see the end as ASE's: closed without EXIT."""
    address = unique() if door == "unix" else free_port()
    place = {"unixsocket": address} if door == "unix" else {"port": address}
    where = ["--unix", address] if door == "unix" else ["--tcp", f"localhost:{address}"]
    process = client(folder, model, *where, *arguments)
    try:
        with SocketIOCalculator(timeout=60, **place) as calculator:
            atoms.calc = calculator
            yield atoms
        code, error = finish(process)
        assert code == 3, error
        assert "the server closed the connection" in error
    finally:
        process.kill()


def compare(folder, frames, model, *arguments):
    """Compares energies, forces and stresses in ASE with `tumble eval`."""
    cells, positions = ([getattr(frame, name)[:] / LENGTH for frame in frames] for name in ("cell", "positions"))
    symbols = frames[0].get_chemical_symbols()
    energies, forces, virials = evaluate(folder, model, symbols, cells, positions, *arguments)
    assert_close([frame.get_potential_energy() for frame in frames], energies * ENERGY, 1e-12)
    # Forces vanish where an optimisation ends: each counts against the largest of all.
    assert_close([frame.get_forces() for frame in frames], forces * ENERGY / LENGTH, 1e-9)
    if frames[0].cell.rank == 3:
        volumes = np.array([frame.get_volume() for frame in frames])
        stresses = -virials[:, [0, 1, 2, 5, 4, 3]] * ENERGY / volumes[:, None]
        assert_close([frame.get_stress() for frame in frames], stresses, 1e-9)


def keep(atoms, frames):
    """Copies with results, one per step."""
    from ase.calculators.singlepoint import SinglePointCalculator

    copy = atoms.copy()
    results = {key: atoms.calc.results[key] for key in ("energy", "forces", "stress") if key in atoms.calc.results}
    copy.calc = SinglePointCalculator(copy, **results)
    frames.append(copy)


@pytest.mark.parametrize("door", ["unix", "port"])
def test_an_optimisation_of_a_molecule(tmp_path, door):
    """The cell is zero, so nothing is periodic; the average over 48 orientations leaves hardly any torque."""
    start, frames = water(1), []
    start.write(tmp_path)
    atoms = Atoms(start.symbols, start.positions)
    with served(tmp_path, atoms, door, WATER_F64, *OCTAHEDRAL):
        optimizer = BFGS(atoms, logfile=None)
        optimizer.attach(lambda: keep(atoms, frames))
        assert optimizer.run(fmax=0.01, steps=60)
    compare(tmp_path, frames, WATER_F64, *OCTAHEDRAL)
    assert frames[-1].get_potential_energy() < frames[0].get_potential_energy()
    assert np.linalg.norm(frames[-1].get_forces(), axis=1).max() < 0.01
    assert all(0.9 < frames[-1].get_distance(0, k) < 1.05 for k in (1, 2))
    assert 98 < frames[-1].get_angle(1, 0, 2) < 112


@pytest.mark.parametrize("door", ["unix", "port"])
def test_dynamics_of_a_crystal(tmp_path, door):
    """Steps of a quarter femtosecond conserve energy to a hundredth of the change of the kinetic energy."""
    start, frames = crystal(), []
    start.write(tmp_path)
    atoms = Atoms(start.symbols, start.positions, cell=start.cell, pbc=True)
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(1))
    totals, kinetic = [], []
    with served(tmp_path, atoms, door, TOY):
        atoms.get_stress()
        dynamics = VelocityVerlet(atoms, 0.25 * units.fs)
        dynamics.attach(lambda: keep(atoms, frames))
        dynamics.attach(lambda: totals.append(atoms.get_total_energy()))
        dynamics.attach(lambda: kinetic.append(atoms.get_kinetic_energy()))
        dynamics.run(120)
    assert len(totals) == 121
    assert np.ptp(totals) < 0.01 * np.ptp(kinetic)
    compare(tmp_path, frames[::10], TOY)


def test_a_slab_is_periodic_along_two_vectors_with_the_option(tmp_path):
    """ASE does not send its `pbc`: without the option the slab would interact with its images above."""
    start = crystal()
    start.write(tmp_path)
    energies = []
    for arguments in (["--pbc", "TTF"], []):
        atoms = Atoms(start.symbols, start.positions, cell=start.cell, pbc=(True, True, False))
        with served(tmp_path, atoms, "unix", TOY, *arguments):
            energies.append(atoms.get_potential_energy() / ENERGY)
    cells = np.array([start.cell * [[1.0], [1.0], [0.0]], start.cell]) / LENGTH
    expected, _, _ = evaluate(tmp_path, TOY, start.symbols, cells, [start.positions / LENGTH] * 2)
    assert_close(energies, expected, 1e-12)
    assert abs(expected[0] - expected[1]) > 1e-3
