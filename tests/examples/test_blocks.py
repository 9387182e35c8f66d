"""Block averaging, on series with a known error of the mean."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from analysis.blocks import block_error  # noqa: E402


def autoregressive(rng, count, memory):
    """Series [count] with x[t+1] = memory x[t] + noise of variance 1."""
    series, x = np.empty(count), 0.0
    for t, kick in enumerate(rng.standard_normal(count)):
        series[t] = x = memory * x + kick
    return series


def test_the_error_of_a_correlated_series_equals_theory():
    """The variance of the mean of n values of an AR(1) series is 1/(n (1 - memory)²) for large n."""
    rng, count, memory = np.random.default_rng(1), 20_000, 0.9
    series = np.stack([autoregressive(rng, count, memory) for _ in range(8)], axis=1)
    means, errors = block_error(series, 40)
    expected = 1 / ((1 - memory) * np.sqrt(count))
    # 8 series of 40 blocks: the variance is known to sqrt(2 / 312) = 8%.
    assert np.mean(errors**2) == pytest.approx(expected**2, rel=0.3)
    assert np.abs(means).max() < 4 * expected
    naive = series.std(axis=0).mean() / np.sqrt(count)
    assert errors.mean() > 3 * naive


def test_incomplete_block_is_dropped_at_the_start():
    mean, error = block_error([100.0, 1.0, 3.0, 5.0, 7.0], 2)
    assert (mean, error) == (4.0, pytest.approx(2.0))


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="3 values in 10 blocks: an error bar needs two blocks of a value each"):
        block_error([1.0, 2.0, 3.0])
