"""Error bars of averages over correlated series."""

import numpy as np


def cut(series, blocks):
    """Means [blocks, ...] of equally long blocks of a series [times, ...]; a rest at the start is dropped."""
    series = np.asarray(series, float)
    length = len(series) // blocks
    if blocks < 2 or length < 1:
        raise ValueError(f"{len(series)} values in {blocks} blocks: an error bar needs two blocks of a value each")
    return series[len(series) - blocks * length :].reshape(blocks, length, *series.shape[1:]).mean(axis=1)


def summary(means):
    """Mean and standard error [...] of block means [blocks, ...]."""
    return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(len(means))


def block_error(series, blocks=10):
    """Mean and standard error of a series [times, ...] by block averaging: each has the shape [...].

    Means of blocks much longer than the correlation time are independent, so their standard deviation over the square
    root of their number is the standard error of the mean (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989)).
    """
    return summary(cut(series, blocks))


def chi_square(first, second):
    """Mean over the values of (difference / its error)² between two sets of block means [blocks, values].

    Values without an error (empty bins) are left out. About 1 if the two differ by noise only.
    """
    (a, da), (b, db) = summary(first), summary(second)
    variance = da**2 + db**2
    known = variance > 0
    return float(np.mean((a - b)[known] ** 2 / variance[known])) if known.any() else 0.0


def compare(first, second, shuffles=999, seed=1):
    """`chi_square` of two sets of block means [blocks, values], and the probability of at least this value by chance.

    The probability is from a permutation test: if both runs were alike, the blocks could be exchanged between them. The
    test makes no assumption on the correlation of the values (neighboring bins), but it needs independent blocks of
    equal length. If the blocks are too short to be independent, the probability is too small.
    """
    rng, found = np.random.default_rng(seed), chi_square(first, second)
    together, count = np.concatenate([first, second]), len(first)
    dealt = (together[rng.permutation(len(together))] for _ in range(shuffles))
    as_large = sum(chi_square(d[:count], d[count:]) >= found for d in dealt)
    return {"chi_square": found, "chance": (1 + as_large) / (1 + shuffles)}
