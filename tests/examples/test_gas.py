"""Molecules in vacuum: angular momentum, spectra, free energies over orientations."""

import numpy as np
import pytest
from loading import EXAMPLES, load, simulate
from scipy.spatial.transform import Rotation

from analysis import programs, structures  # isort: skip

momentum = load("gas-nve", "momentum")
orientations = load("gas-nvt", "orientations")
HBAR = 6.3507799  # u Å²/ps


def columns(momenta):
    """Thermo output with these angular momenta [times, 3]."""
    times = np.arange(len(momenta)) * 0.001
    other = {"Time": times, "TotEng": np.zeros(len(times)), "c_s[3]": np.full(len(times), 2e-3)}
    return {**other, **{f"v_l{a}": momenta[:, i] for i, a in enumerate("xyz")}}


def test_a_rigid_free_rotor_keeps_its_angular_momentum():
    """A symmetric top precesses about L; L from masses, positions and velocities is constant."""
    body = np.array([[1.0, 0, 0.3], [-0.5, 0.8660254, 0.3], [-0.5, -0.8660254, 0.3], [0, 0, -0.9]])
    inertia = np.diag(np.einsum("ak,ak->", body, body) - np.einsum("ak,ak->k", body, body))
    start = np.array([1.0, 0.5, 4.0])
    moved, spin = start / np.diag(inertia), []
    for time in np.arange(500) * 0.01:
        # Euler: the body rotates about L at |L| / I1, and about its own axis at the remaining rate.
        axis = start / np.linalg.norm(start)
        own = (moved[2] - start[2] / inertia[0, 0]) * time
        turn = Rotation.from_rotvec(axis * np.linalg.norm(start) / inertia[0, 0] * time) * Rotation.from_rotvec(
            [0, 0, own]
        )
        places = turn.apply(body)
        omega = turn.apply(np.linalg.solve(inertia, turn.inv().apply(start)))
        spin.append(np.cross(places, np.cross(omega, places)).sum(axis=0))
    found = momentum.course(columns(np.array(spin)))
    assert found["largest_change"] < 1e-9
    assert found["start"] == pytest.approx(np.linalg.norm(start))


def test_a_torque_shows_as_the_distance_from_the_start():
    """After half a turn about z, L differs from its start by twice its length."""
    angle = np.linspace(0, np.pi, 101)
    found = momentum.course(columns(np.stack([3 * np.cos(angle), 3 * np.sin(angle), 0 * angle], axis=1)))
    assert found["largest_change"] == pytest.approx(6)
    assert found["torque_mean_meV"] == pytest.approx(2)


def test_the_spectrum_of_a_sine_is_a_line_and_integrates_to_the_variance():
    interval = 0.002
    time = np.arange(8000) * interval
    wavenumbers, density = momentum.spectrum(3 * np.sin(2 * np.pi * 30.0 * time), interval, 2.0)
    assert wavenumbers[density.argmax()] == pytest.approx(30.0 * 33.35641, abs=wavenumbers[1])
    assert density.sum() * wavenumbers[1] == pytest.approx(4.5, rel=0.01)


def test_slow_and_fast_parts_are_separated():
    """The bare potential has a fast line; the average removes a slow one."""
    time = np.arange(4000) * 0.001
    slow, fast = 2e-3 * np.sin(2 * np.pi * 5 * time), 5e-3 * np.sin(2 * np.pi * 100 * time)
    bare = {"Step": 2.0 * np.arange(4000), "Time": time, "PotEng": fast + slow}
    average = {"Step": bare["Step"][::2], "PotEng": fast[::2]}
    found = momentum.spectra(bare, average, 1.0)
    assert found["correction_slow_share"] > 0.99
    assert found["potential_slow_share"] == pytest.approx(4 / 29, rel=0.05)
    assert found["correction_deviation_meV"] == pytest.approx(np.sqrt(2), rel=0.01)


def test_dipole_and_normal_of_water():
    molecule = np.array([[1.0, 1, 1], [1.8, 1.6, 1], [0.2, 1.6, 1]])
    dipole, normal = orientations.axes(molecule)
    assert dipole == pytest.approx([0, 1, 0]) and normal == pytest.approx([0, 0, 1])


def along_z(rng, strength, *shape):
    """Unit vectors with the density exp(strength cos(theta)), by inversion of its cumulative distribution."""
    z = np.log(np.exp(-strength) + rng.random(shape) * 2 * np.sinh(strength)) / strength
    phi = 2 * np.pi * rng.random(shape)
    s = np.sqrt(1 - z * z)
    return np.stack([s * np.cos(phi), s * np.sin(phi), z], axis=-1)


def known(strength):
    """F/kT of the bins for that density, relative to a uniform one."""
    edges = np.linspace(-1, 1, orientations.BINS[0] + 1)
    mass = np.diff(np.exp(strength * edges)) / (2 * np.sinh(strength)) * orientations.BINS[0]
    return np.repeat(-np.log(mass)[:, None], orientations.BINS[1], axis=1)


def test_free_energy_of_a_known_distribution_lies_within_the_error_bars():
    rng, strength = np.random.default_rng(3), 0.4
    found = orientations.measure(along_z(rng, strength, 200, 64))
    off = (found["map"] - known(strength)) / found["map_error"]
    assert np.mean(np.square(off)) < 2.0
    assert np.mean(np.abs(off) < 2) > 0.85
    assert abs(found["deviation"] - known(strength).std()) < 4 * found["deviation_error"]
    assert found["deviation_error"] < 0.03


def test_noise_of_a_uniform_distribution_is_not_taken_for_a_deviation():
    """The plain standard deviation of F is all noise; that from the two halves is zero within its error."""
    rng = np.random.default_rng(4)
    squares, plain = [], []
    for _ in range(8):
        found = orientations.measure(along_z(rng, 1e-6, 50, 64))
        squares.append(np.sign(found["deviation"]) * found["deviation"] ** 2)
        plain.append(found["map"].std() ** 2)
    assert np.mean(plain) > 0.01
    assert abs(np.mean(squares)) < 0.25 * np.mean(plain)


def test_rotated_copies_are_rigid_and_point_to_their_bins():
    molecule = structures.read_data(EXAMPLES / "gas-nve/h2o.data", ["O", "H"]).positions
    for which, axis in enumerate(orientations.AXES):
        copies = orientations.rotated(molecule, axis, fine=1, spins=4)
        sides = np.linalg.norm(copies - np.roll(copies, 1, axis=-2), axis=-1)
        assert sides == pytest.approx(
            np.broadcast_to(np.linalg.norm(molecule - np.roll(molecule, 1, axis=0), axis=-1), sides.shape)
        )
        pointing = orientations.axes(copies)[which]
        assert np.ptp(pointing, axis=2).max() < 1e-12
        assert (orientations.counts(pointing[:, :, 0]) == 1).all()


def test_prediction_from_a_known_energy_is_its_boltzmann_factor():
    """An energy -strength kT cos(theta) of the dipole gives the free energy of the density above."""
    strength, temperature = 0.4, 300.0
    molecule = structures.read_data(EXAMPLES / "gas-nve/h2o.data", ["O", "H"]).positions
    dipole = orientations.axes(orientations.rotated(molecule, "dipole"))[0]
    energies = -strength * orientations.KELVIN * temperature * dipole[..., 2]
    assert orientations.predicted(energies, temperature, "dipole") == pytest.approx(known(strength), abs=2e-3)


def test_the_run_in_vacuum_gives_the_angular_momentum_of_its_positions(tmp_path):
    """Compares with L from positions and their differences in time."""
    simulate("gas-nve", "in.nve", tmp_path, start="h2o.data", temperature=300, rotate="none", inversion="no", steps=20)
    thermo = programs.thermo(tmp_path / "log.lammps")
    places = np.array([f.positions for f in structures.read_dump(tmp_path / "positions.dump", ["O", "H"])])
    masses = np.array([15.999, 1.008, 1.008])[:, None]
    places = places - (masses * places).sum(axis=1, keepdims=True) / masses.sum()
    velocities = (places[2:] - places[:-2]) / 0.002
    expected = (masses * np.cross(places[1:-1], velocities)).sum(axis=1) / HBAR
    found = np.stack([thermo[f"v_l{a}"] for a in "xyz"], axis=1)[1:-1]
    assert np.abs(found - expected).max() < 0.02 * np.linalg.norm(expected[0])


def test_a_trajectory_is_evaluated_again_with_an_average(tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    first.mkdir(), again.mkdir()
    simulate("gas-nve", "in.nve", first, start="dimer.data", temperature=150, rotate="none", inversion="no", steps=16)
    trajectory = {"start": "dimer.data", "trajectory": first / "positions.dump", "every": 4}
    simulate("gas-nve", "in.again", again, rotate="tetrahedral", inversion="no", **trajectory)
    bare, average = (programs.thermo(folder / "log.lammps") for folder in (first, again))
    assert average["Step"].tolist() == [0, 4, 8, 12, 16]
    difference = average["PotEng"] - bare["PotEng"][::2]
    assert 1e-5 < np.abs(difference).max() < 0.1


def test_independent_molecules_stay_apart_and_are_sampled(tmp_path):
    simulate("gas-nvt", "in.nvt", tmp_path, rotate="random", every=1, settle=10, steps=100)
    places = orientations.molecules(tmp_path / "positions.dump")
    assert places.shape == (2, 64, 3, 3)
    bonds = np.linalg.norm(places[:, :, 1:] - places[:, :, :1], axis=-1)
    assert 0.8 < bonds.min() and bonds.max() < 1.2
    oxygens = places[-1, :, 0]
    apart = np.linalg.norm(oxygens[:, None] - oxygens[None], axis=-1) + 99 * np.eye(64)
    assert apart.min() > 10
