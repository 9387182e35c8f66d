"""Free energy over the absolute orientation of H2O, from a trajectory."""

import numpy as np

from .blocks import block_error

BINS = (6, 8)  # in cos(theta) and phi: of equal area
AXES = ("dipole", "normal")


def axes(positions):
    """Unit vectors of dipole and normal, each [..., 3], of molecules [..., 3, 3] (O, H, H; rows are atoms)."""
    first, second = positions[..., 1, :] - positions[..., 0, :], positions[..., 2, :] - positions[..., 0, :]
    vectors = first + second, np.cross(first, second)
    return [v / np.linalg.norm(v, axis=-1, keepdims=True) for v in vectors]


def counts(directions, bins=BINS):
    """Number of unit vectors [..., 3] in each bin of equal area: [cos(theta), phi]."""
    x, y, z = np.moveaxis(directions.reshape(-1, 3), -1, 0)
    edges = np.linspace(-1, 1, bins[0] + 1), np.linspace(-np.pi, np.pi, bins[1] + 1)
    return np.histogram2d(np.clip(z, -1, 1), np.arctan2(y, x), edges)[0]


def free_energy(counted):
    """F/kT of each bin, zero for a uniform distribution; half a count is added, so that an empty bin is finite."""
    density = counted + 0.5
    return -np.log(density / density.mean())


def covariance(first, second):
    """Variance of F/kT over the bins, from the counts of two independent halves of the data.

    It is the covariance of the halves: their noise is independent and cancels, while it would add to the variance of
    either. It may be negative if it is noise alone.
    """
    a, b = free_energy(first).ravel(), free_energy(second).ravel()
    return np.mean((a - a.mean()) * (b - b.mean()))


def measure(directions, blocks=10, halves="molecules"):
    """Map of F/kT with its errors, and its deviation with the error, of unit vectors [frames, molecules, 3].

    The deviation is the square root of the covariance of two halves: the even and the odd molecules if molecules do not
    interact, or else the first and the second half of the time ("time"). Errors are over blocks of time: for the map
    from block averages of the density, for the square of the deviation from the jackknife, leaving out one block after
    the other. The error of the deviation is its increase if its square were larger by one standard error; this is
    finite at zero, too. A deviation has the sign of its square.
    """
    density = np.array([counts(frame) for frame in directions])
    mean, error = block_error(density, blocks)
    length = len(directions) // blocks
    parts = directions[len(directions) - blocks * length :].reshape(blocks, length, *directions.shape[1:])
    if halves == "time":
        whole, early = np.array([counts(part) for part in parts]), np.arange(blocks) < blocks // 2
        split = np.array([whole * early[:, None, None], whole * ~early[:, None, None]])
    else:
        split = np.array([[counts(part[:, k::2]) for part in parts] for k in (0, 1)])
    total = split.sum(axis=1)
    square = covariance(*total)
    left_out = [covariance(total[0] - split[0, i], total[1] - split[1, i]) for i in range(blocks)]
    error_of_square = np.sqrt((blocks - 1) * np.var(left_out))
    return {
        "map": free_energy(density.sum(axis=0)),
        "map_error": error / np.maximum(mean, 1 / len(directions)),
        "deviation": np.sign(square) * np.sqrt(abs(square)),
        "deviation_error": np.sqrt(max(square, 0) + error_of_square) - np.sqrt(max(square, 0)),
    }
