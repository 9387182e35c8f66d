"""Error bars of averages over correlated series."""

import numpy as np


def block_error(series, blocks=10):
    """Mean and standard error of a series [times, ...] by block averaging: each has the shape [...].

    The series is cut into so many blocks of equal length (what is left over at the start is dropped). Means of blocks
    much longer than the correlation time are independent, so their standard deviation over the square root of their
    number is the standard error of the mean (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989)).
    """
    series = np.asarray(series, float)
    length = len(series) // blocks
    if blocks < 2 or length < 1:
        raise ValueError(f"{len(series)} values in {blocks} blocks: an error bar needs two blocks of a value each")
    kept = series[len(series) - blocks * length :]
    means = kept.reshape(blocks, length, *kept.shape[1:]).mean(axis=1)
    return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(blocks)
