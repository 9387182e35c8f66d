"""Vibrations of cubic crystals: threefold degeneracies are exact for a model averaged over the cubic group, and broken
for the bare one.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from tumble.ase import Tumble

ROOT = Path(__file__).resolve().parents[2]
# Its energy depends on angles to the z axis (Legendre polynomials 1, 2 and 4), so the bare model is not cubic.
TOY = ROOT / "tests/data/models/harmonic-list-f64.onnx"
WATER = ROOT / "examples/models/water-pet-f64.onnx"
CUBIC = {"rotate": "octahedral", "inversion": True}


def force_constants(atoms, moved, model=TOY, step=1e-3, **options):
    """Force constants -dF/dx by central differences: [3 moved, 3 N], eV/Å²."""
    with Tumble(model, **options) as calc:

        def forces(atom, axis, shift):
            displaced = atoms.copy()
            displaced.positions[atom, axis] += shift
            return calc.get_forces(displaced).ravel()

        rows = [
            (forces(atom, axis, -step) - forces(atom, axis, step)) / (2 * step) for atom in moved for axis in range(3)
        ]
    return np.array(rows)


def crystals():
    """Simple cubic and face-centered cubic hydrogen, as supercells large enough to keep atom 0 from its own images."""
    return {"sc": bulk("H", "sc", a=1.9) * (4, 4, 4), "fcc": bulk("H", "fcc", a=2.6, cubic=True) * (3, 3, 3)}


@pytest.mark.parametrize("lattice", ["sc", "fcc"])
def test_force_constants_of_an_atom_in_a_cubic_crystal_are_isotropic(lattice):
    atoms = crystals()[lattice]
    averaged = force_constants(atoms, [0], **CUBIC)[:, :3]
    stiffness = averaged[0, 0]
    assert abs(stiffness) > 0.1
    # Rounding of forces of about 1 eV/Å, divided by the step.
    np.testing.assert_allclose(averaged, stiffness * np.eye(3), atol=1e-9)
    bare = np.linalg.eigvalsh(force_constants(atoms, [0])[:, :3])
    assert np.ptp(bare) > 1e-2 * abs(stiffness)


def optical(**options):
    """Eigenvalues of the dynamical matrix of a crystal of the CsCl kind at Γ, eV/Å²/u, ascending by size."""
    atoms = Atoms("OH", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[2.2] * 3, pbc=True)
    masses = np.repeat(atoms.get_masses(), 3)
    # Moved with all of their images: the sum over cells that makes Γ.
    matrix = force_constants(atoms, [0, 1], **options) / np.sqrt(np.outer(masses, masses))
    values = np.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    return values[np.argsort(np.abs(values))]


def test_the_optical_modes_at_gamma_are_one_triplet():
    averaged, bare = optical(**CUBIC), optical()
    # Translations cost nothing, with or without rotations.
    for values in (averaged, bare):
        np.testing.assert_allclose(values[:3], 0.0, atol=1e-6)
    triplet = averaged[3:]
    assert np.abs(triplet).min() > 0.1
    assert np.ptp(triplet) < 1e-9
    assert np.ptp(bare[3:]) > 1e-3 * np.abs(triplet).mean()


def icex():
    """Ice X: a cubic crystal of 2 H2O, Å."""
    hydrogens = [[0.25, 0.25, 0.25], [0.75, 0.75, 0.25], [0.75, 0.25, 0.75], [0.25, 0.75, 0.75]]
    places = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], *hydrogens]
    return Atoms("O2H4", scaled_positions=places, cell=[2.85] * 3, pbc=True)


def operations(atoms):
    """Operations of the space group of a cubic crystal, as matrices on displacements [3 N, 3 N]."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product([1, -1], repeat=3):
            rotation = np.eye(3)[list(order)] * np.array(signs)[:, None]
            for shift in (0.0, 0.5):
                moved = atoms.get_scaled_positions() @ rotation.T + shift
                away = moved[:, None] - atoms.get_scaled_positions()[None]
                same = (np.abs(away - np.round(away)).max(axis=2) < 1e-6) & (
                    atoms.numbers[:, None] == atoms.numbers[None]
                )
                if (same.sum(axis=1) == 1).all():
                    found.append(np.kron(same.T, rotation))
    return found


def frequencies(matrix, atoms):
    """Frequencies in THz, ascending; imaginary ones negative."""
    masses = np.repeat(atoms.get_masses(), 3)
    values = np.linalg.eigvalsh(0.5 * (matrix + matrix.T) / np.sqrt(np.outer(masses, masses)))
    return np.sign(values) * np.sqrt(np.abs(values) * units._e / units._amu) * 1e10 / (2e12 * np.pi)


def reduced(atoms, **options):
    """Force constants from one displacement of O and one of H, completed by the symmetry of the crystal."""
    rows = force_constants(atoms, [0, 2], WATER, **options)[[0, 3]]
    moved = np.zeros((2, 3 * len(atoms)))
    moved[0, 0] = moved[1, 6] = 1.0
    group = operations(atoms)
    assert len(group) == 48
    left = np.concatenate([moved @ operation.T for operation in group])
    right = np.concatenate([rows @ operation.T for operation in group])
    matrix, _, rank, _ = np.linalg.lstsq(left, right, rcond=None)
    assert rank == 3 * len(atoms)
    return matrix


def test_displacements_reduced_by_symmetry_hide_the_error_of_the_bare_model():
    """The table of docs/ase.md."""
    atoms = icex()
    every = range(len(atoms))
    bare, hidden = frequencies(force_constants(atoms, every, WATER), atoms), frequencies(reduced(atoms), atoms)
    averaged = frequencies(force_constants(atoms, every, WATER, **CUBIC), atoms)
    np.testing.assert_allclose(frequencies(reduced(atoms, **CUBIC), atoms), averaged, atol=1e-3)
    triplet, translations = slice(7, 10), slice(4, 7)
    np.testing.assert_allclose(bare[triplet], [22.97, 23.04, 23.23], atol=0.01)
    np.testing.assert_allclose(hidden[triplet], 23.08, atol=0.01)
    np.testing.assert_allclose(averaged[triplet], 23.08, atol=0.01)
    assert np.ptp(hidden[triplet]) < 1e-6 > np.ptp(averaged[triplet])
    np.testing.assert_allclose(hidden[translations], 0.17, atol=0.01)
    for values in (bare, averaged):
        np.testing.assert_allclose(values[translations], 0.0, atol=0.01)
    assert np.abs(hidden - averaged).max() == pytest.approx(0.6, abs=0.1)


def test_a_crystal_turned_away_from_the_grid_is_not_cubic():
    turned = bulk("H", "sc", a=1.9) * (4, 4, 4)
    turned.rotate(25, [1, 2, 3], rotate_cell=True)
    values = np.linalg.eigvalsh(force_constants(turned, [0], **CUBIC)[:, :3])
    straight = np.linalg.eigvalsh(force_constants(crystals()["sc"], [0], **CUBIC)[:, :3])
    # The toy's fourth Legendre polynomial is beyond degree 3 of the grid: the crystal sees the grid's axes.
    assert np.ptp(values) > 1e-4 * abs(values.mean()) > np.ptp(straight)
