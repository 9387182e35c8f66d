"""Write liquid water on a lattice, to be melted by `in.prepare`: n^3 molecules at 0.997 g/cm^3, turned at random."""

import math
import random
import sys

BOND, ANGLE = 0.9572, math.radians(104.52)  # Å; geometry of a free molecule
VOLUME = 18.015 / 0.997 / 0.60221408  # Å^3 a molecule


def molecule(rng):
    """Offsets of O, H, H from the oxygen, Å, uniformly oriented."""
    q = [rng.gauss(0, 1) for _ in range(4)]
    w, x, y, z = (v / math.sqrt(sum(c * c for c in q)) for v in q)
    columns = (
        (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        (2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
    )
    c, s = BOND * math.cos(ANGLE / 2), BOND * math.sin(ANGLE / 2)
    arms = [[c * a + sign * s * b for a, b in zip(*columns)] for sign in (1, -1)]
    return [[0.0, 0.0, 0.0], *arms]


def main(n, path):
    rng, spacing = random.Random(1), VOLUME ** (1 / 3)
    lines = []
    for cell in range(n**3):
        origin = [spacing * (cell // n**k % n + 0.5) for k in range(3)]
        for kind, offset in zip((1, 2, 2), molecule(rng)):
            position = " ".join(f"{o + d:.6f}" for o, d in zip(origin, offset))
            lines.append(f"{len(lines) + 1} {kind} {position}")
    box = "\n".join(f"0 {n * spacing:.6f} {a}lo {a}hi" for a in "xyz")
    header = f"{n**3} H2O on a lattice\n\n{len(lines)} atoms\n2 atom types\n\n{box}\n\n"
    with open(path, "w") as file:
        file.write(header + "Masses\n\n1 15.999\n2 1.008\n\nAtoms # atomic\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
