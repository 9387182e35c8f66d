"""Writes src/quadrature/lebedev_table.rs: Lebedev's rules as orbits of the octahedral group.

Source of the numbers: V.I. Lebedev and D.N. Laikov, Doklady Mathematics 59 (1999) 477, as given by
scipy.integrate.lebedev_rule (scipy >= 1.15). Each orbit is recovered from scipy's points, in scipy's order. The
orders are those of i-PI's grids. Run: python tests/data/lebedev_orbits.py
"""

import math
import textwrap
from pathlib import Path

import numpy as np
from scipy.integrate import lebedev_rule

ORDERS = [*range(3, 32, 2), *range(35, 102, 6)]
TARGET = Path(__file__).resolve().parents[2] / "src" / "quadrature" / "lebedev_table.rs"
HEAD = """\
//! The table behind [`super::lebedev`], written by tests/data/lebedev_orbits.py; do not edit.
//!
//! Source: V.I. Lebedev and D.N. Laikov, Doklady Mathematics 59 (1999) 477, through scipy.integrate.lebedev_rule.

use super::lebedev::Orbit::{self, Edges, Faces, Generic, Mirror, Plane, Vertices};

/// (order, orbits): the rule is exact for spherical harmonics through the order. Weights are those of one point.
#[rustfmt::skip]
pub(super) const RULES: &[(usize, &[(Orbit, f64)])] = &[
"""


def orbit(point):
    """(name and parameters in Rust, number of points) of the orbit that begins at `point`."""
    zeros = sum(abs(x) < 1e-12 for x in point)
    a, b, c = (float(abs(x)) for x in point)
    if zeros == 2:
        return "Vertices", 6
    if zeros == 1 and abs(b - c) < 1e-12:
        return "Edges", 12
    if zeros == 1:
        return f"Plane({number(a)})", 24
    if max(abs(a - b), abs(b - c)) < 1e-12:
        return "Faces", 8
    if abs(a - b) < 1e-12:
        return f"Mirror({number(a)})", 24
    return f"Generic({number(a)}, {number(b)})", 48


def number(x):
    """16 significant digits, as published."""
    return repr(float(f"{x:.15e}"))


def rule(order):
    """The orbits of one order, as Rust tuples."""
    points, weights = lebedev_rule(order)
    points, start, orbits = points.T, 0, []
    while start < len(points):
        name, size = orbit(points[start])
        block = weights[start : start + size]
        assert np.ptp(block) == 0.0, (order, start)
        orbits.append(f"({name}, {number(block[0] / (4 * math.pi))})")
        start += size
    return orbits


def main():
    with TARGET.open("w") as out:
        out.write(HEAD)
        for order in ORDERS:
            # Protect the spaces inside a tuple from line breaks while wrapping.
            words = ", ".join(o.replace(" ", "~") for o in rule(order)) + ","
            lines = textwrap.wrap(words, 110, break_long_words=False, break_on_hyphens=False)
            body = "\n".join("        " + line.replace("~", " ") for line in lines)
            out.write(f"    ({order}, &[\n{body}\n    ]),\n")
        out.write("];\n")


if __name__ == "__main__":
    main()
