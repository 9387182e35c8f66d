"""The infrared spectrum of one H2O: the spectrum of a known oscillation, the exact dipole, and a short run."""

import subprocess
import sys

import numpy as np
import pytest
from loading import ENVIRONMENT, EXAMPLES, load

spectrum = load("infrared", "spectrum")


def test_an_oscillation_is_at_its_wavenumber_with_the_square_of_its_amplitude():
    times = np.arange(8192) * spectrum.STEP
    wave = np.sin(2 * np.pi * 1600.0 * spectrum.LIGHT * times)
    wavenumbers, one = spectrum.power(np.outer(wave, [1.0, 0.0, 0.0]))
    _, other = spectrum.power(np.outer(wave, [0.0, 0.6, 0.8]) * 0.9)
    assert wavenumbers[one.argmax()] == pytest.approx(1600.0, abs=5.0)
    assert other.sum() == pytest.approx(0.81 * one.sum(), rel=1e-9)


def test_smoothing_keeps_the_integral_of_a_peak():
    wavenumbers = np.arange(0.0, 4000.0, 2.0)
    peak = np.where(wavenumbers == 2000.0, 1.0, 0.0)
    smoothed = spectrum.smooth(wavenumbers, peak, wavenumbers)
    assert smoothed.sum() == pytest.approx(1.0, rel=1e-9) and smoothed.argmax() == peak.argmax()


def test_the_exact_dipole_is_that_of_three_point_charges():
    positions = np.random.default_rng(0).normal(size=(5, 3, 3))
    oxygen, first, second = positions.transpose(1, 0, 2)
    place = spectrum.GAMMA * oxygen + (1 - spectrum.GAMMA) * (first + second) / 2
    expected = spectrum.CHARGE * (first + second) - 2 * spectrum.CHARGE * place
    assert spectrum.exact(positions) == pytest.approx(expected)


def test_a_short_run_gives_dipoles_near_the_exact_ones(tmp_path):
    """Averaging takes most of the error of the direction away."""
    errors = {}
    for case in ("bare", "averaged"):
        command = [EXAMPLES / "infrared/trajectory.py", EXAMPLES / "infrared/water-dipole.onnx", case, "1", "32"]
        subprocess.run([sys.executable, *command, tmp_path / case], env=ENVIRONMENT, check=True)
        places, found = spectrum.positions(tmp_path / case), spectrum.dipoles(tmp_path / case)
        assert places.shape == (33, 3, 3) and found.shape == (33, 3)
        errors[case] = np.linalg.norm(found - spectrum.exact(places), axis=1) / np.linalg.norm(found, axis=1)
    assert errors["bare"].max() < 0.1
    assert errors["averaged"].max() < 0.5 * errors["bare"].max()
