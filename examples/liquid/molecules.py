"""Check whether all water molecules of a trajectory stay whole.

    python3 examples/liquid/molecules.py target/demo/snapshots.xyz

A molecule is whole as long as each hydrogen has the same nearest oxygen as in the first frame, with two per oxygen.
Takes extended XYZ of H and O in an orthogonal box; needs numpy.
"""

import sys

import numpy as np


def frames(path):
    """Symbols [N], positions [N, 3] and box lengths [3], Å, of each frame."""
    with open(path) as file:
        while line := file.readline():
            count, comment = int(line), file.readline()
            lattice = comment.split('Lattice="')[1].split('"')[0]
            rows = [file.readline().split() for _ in range(count)]
            symbols = np.array([row[0] for row in rows])
            yield symbols, np.array([row[1:4] for row in rows], float), np.array(lattice.split(), float)[[0, 4, 8]]


def nearest_oxygens(symbols, positions, box):
    """For each hydrogen the index of its nearest oxygen and their distance, Å."""
    hydrogens, oxygens = positions[symbols == "H"], positions[symbols == "O"]
    vectors = hydrogens[:, None] - oxygens[None]
    distances = np.linalg.norm(vectors - box * np.round(vectors / box), axis=-1)
    return distances.argmin(axis=1), distances.min(axis=1)


def main(path):
    """Print the longest bond and the verdict; exit with 1 if a molecule broke."""
    results = [nearest_oxygens(*frame) for frame in frames(path)]
    first = results[0][0]
    two_each = (np.bincount(first) == 2).all() and len(first) == 2 * (first.max() + 1)
    broken = sum(not np.array_equal(first, owner) for owner, _ in results)
    longest = max(distance.max() for _, distance in results)
    count = f"{len(results)} frames, {len(first) // 2} molecules"
    print(f"{count}: longest O-H bond {longest:.3f} Å, {broken} broken frames")
    sys.exit(0 if two_each and not broken else 1)


if __name__ == "__main__":
    main(sys.argv[1])
