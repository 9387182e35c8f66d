"""The cutoff of each atom in PET with a target number of neighbors, and the edges that it keeps."""

import numpy as np

# Width of the smooth step, Å: `cutoff_width_adaptive` of metatrain.
WIDTH = 1.0


def adaptive_cutoffs(centers, distances, cutoff, target):
    """Cutoff of each atom: there the smooth number of neighbors, plus target (r / cutoff)³, reaches the target."""
    count = centers.max() + 1
    low, high = np.zeros(count), np.full(count, cutoff)
    for _ in range(40):
        middle = (low + high) / 2
        smooth = np.bincount(centers, smooth_step(distances, middle[centers]), count)
        below = smooth + target * (middle / cutoff) ** 3 <= target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low.clip(cutoff / 16, cutoff)


def smooth_step(distances, cutoffs):
    """1 up to a width before the cutoff, 0 beyond it."""
    inside = np.clip((distances - cutoffs + WIDTH) / WIDTH, 1e-6, 1 - 1e-6)
    return (1 + np.tanh(1 / np.tan(np.pi * inside))) / 2


def kept(cutoffs, first, second, distances):
    """Whether an edge is within the mean of the cutoffs of its atoms."""
    return distances <= (cutoffs[first] + cutoffs[second]) / 2
