"""Structure and dynamics of a liquid of molecules in a cubic box."""

import numpy as np

BIN = 0.1  # Å


def edges(side):
    """Edges of bins of distance, Å, up to half of the box's side: larger spheres do not fit."""
    return np.arange(0, side / 2 + 1e-9, BIN)


def pairs(positions, side):
    """Indices [2, pairs] of all pairs and their distances [pairs] to the nearest image, Å; positions are [N, 3]."""
    i, j = np.triu_indices(len(positions), 1)
    vectors = positions[j] - positions[i]
    return (i, j), np.linalg.norm(vectors - side * np.round(vectors / side), axis=1)


def ideal(count, side):
    """Number of pairs of an ideal gas of `count` particles in each bin: pairs · volume of the shell / of the box."""
    shells = 4 / 3 * np.pi * np.diff(edges(side) ** 3)
    return count * (count - 1) / 2 * shells / side**3


def correlations(positions, dipoles, side):
    """Pair correlation g(r) and dipole correlation [2, bins] of one frame of positions and unit vectors, each [N, 3].

    The dipole correlation is the sum of u_i · u_j over the pairs of a bin over the number of pairs of an ideal gas:
    g(r) <cos> of the angle between two dipoles at the distance r, zero where there are no pairs.
    """
    (i, j), distances = pairs(positions, side)
    cosines = np.einsum("pk,pk->p", dipoles[i], dipoles[j])
    counted = [np.histogram(distances, edges(side), weights=w)[0] for w in (None, cosines)]
    return np.array(counted) / ideal(len(positions), side)


def displacements(positions, lags):
    """Mean square displacement [origins, lags] from each frame of unwrapped positions [frames, N, 3].

    Origins are all frames with room for the longest lag. The drift of the center is subtracted first.
    """
    positions = positions - positions.mean(axis=1, keepdims=True)
    origins = len(positions) - max(lags)
    start = positions[:origins]
    squares = [((positions[lag : lag + origins] - start) ** 2).sum(axis=-1).mean(axis=-1) for lag in lags]
    return np.stack(squares, axis=1)


def autocorrelations(vectors, lags):
    """Products v(t) · v(t + lag), averaged over the N vectors: [origins, lags], of vectors [frames, N, 3]."""
    origins = len(vectors) - max(lags)
    start = vectors[:origins]
    return np.stack([(vectors[lag : lag + origins] * start).sum(axis=-1).mean(axis=-1) for lag in lags], axis=1)


def diffusion(squares, times):
    """Diffusion coefficients [blocks], Å²/ps, of mean square displacements [blocks, lags]: slope over 6, later half.

    Einstein: <r²> = 6 D t at times longer than the memory of the velocity.
    """
    late = np.asarray(times) >= max(times) / 2
    return np.polyfit(np.asarray(times)[late], squares[:, late].T, 1)[0] / 6
