"""The targets and their measured values: each is a row of a table."""

from dataclasses import dataclass
from operator import ge, le

from ratios import find, ratio


@dataclass
class Target:
    """A row of the table; `value` is None if nothing was measured."""

    what: str
    value: float | None
    limit: float
    least: bool = False
    percent: bool = False

    def met(self):
        return self.value is not None and (ge if self.least else le)(self.value, self.limit)

    def shown(self, number):
        return "not measured" if number is None else f"{100 * number:.1f}%" if self.percent else f"{number:.3g}"

    def row(self):
        """Name, target, measured value, verdict."""
        sign = "≥" if self.least else "≤"
        verdict = "met" if self.met() else "not measured" if self.value is None else "**missed**"
        return [self.what, f"{sign} {self.shown(self.limit)}", self.shown(self.value), verdict]


def targets(results):
    """All targets, in the order of the table."""
    return [*speed(results), *averaging(results), *peers(results), *sizes(results)]


def quotient(rows, name, other, scale=1.0, **wanted):
    """Ratio of two workers in the wanted row; None if it is missing."""
    row = find(rows, **wanted)
    found = ratio(row, name, other) if row else None
    return None if found is None else found * scale


def speed(results):
    rows = results.get("evaluations", [])
    over = quotient(rows, "tumble", "ONNX Runtime, C", atoms=192, threads=1)
    over = None if over is None else over - 1
    yield Target("extra time over bare ONNX Runtime (C), neighbor list included, 192 atoms", over, 0.03, percent=True)


def averaging(results):
    rows, grid = results.get("averages", []), "octahedral"
    large, small = (dict(atoms=atoms, grid=grid) for atoms in (192, 3))
    name = "average over 48 rotations (O, inversion), over 48 evaluations, 1 thread"
    yield Target(f"{name}, 192 atoms", quotient(rows, "1 threads", "one evaluation", 1 / 48, **large), 1.0)
    faster = quotient(rows, "1 threads", "2 threads", **large)
    yield Target("the same on 2 cores: speedup over 1 core", faster, 1.8, least=True)
    yield Target(f"{name}, one H2O", quotient(rows, "1 threads", "one evaluation", 1 / 48, **small), 0.15)


def peers(results):
    rows = results.get("rotations", [])
    for atoms, what, limit in ((192, "192 atoms", 2.0), (3, "one H2O", 20.0)):
        yield Target(
            f"i-PI's `ffrotations` with its own driver over tumble, {what}", best(rows, atoms), limit, least=True
        )
    rows = results.get("symmetrized", [])
    value = quotient(rows, "SymmetrizedCalculator", "tumble", threads=1)
    yield Target("`SymmetrizedCalculator` over tumble with no larger error, 192 atoms", value, 3.0, least=True)
    rows = results.get("stepping", [])
    value = quotient(rows, f"every {rows[0]['every']}", "bare") if rows else None
    yield Target("MD step with an average over O and inversion at every 8th, over a bare step (LAMMPS)", value, 8.0)
    rows = results.get("neighbors", [])
    for atoms, what in ((12288, "12,288 atoms"), (8, "8 atoms in a skewed cell")):
        value = quotient(rows, "tumble", "vesin", atoms=atoms)
        yield Target(f"neighbor list over vesin's, 1 thread, {what}", value, 1.0)


def best(rows, atoms):
    """i-PI's driver in the faster of its two modes, legendre:2."""
    names = [f"ffrotations, i-PI's driver, {how}" for how in ("one by one", "at once")]
    found = [quotient(rows, name, "tumble inside", atoms=atoms, grid="legendre:2") for name in names]
    return min((value for value in found if value is not None), default=None)


def sizes(results):
    row = find(results.get("evaluations", []), atoms=192, threads=1)
    memory = row["megabytes"] if row else {}
    both = "tumble" in memory and "metatomic" in memory
    value = memory["tumble"] / memory["metatomic"] if both else None
    yield Target("peak memory of tumble over metatomic's process, 192 atoms", value, 0.3)
    rows = results.get("growth", [])
    what = "per atom, growth from 192 to 98,304 atoms"
    yield Target(f"time {what} (the better of two memory budgets)", slowing(rows), 0.15, percent=True)
    three = find(results.get("evaluations", []), atoms=3, threads=1)
    base = three["megabytes"].get("tumble") if three else None
    value = growth(rows, lambda row: bytes_per_atom(row, base)) if base else None
    yield Target(f"memory {what} (above that of one H2O; the better budget)", value, 0.15, percent=True)
    largest = find(rows, atoms=98304, memory=2048)
    value = beyond(largest, find(rows, atoms=192)) if largest and largest["megabytes"] else None
    yield Target("memory of 98,304 atoms above that of 192, over the budget", value, 1.0)


def slowing(rows):
    """Growth of the time per atom from the smallest to the largest system, in the same round; 0 if it falls."""
    small = find(rows, atoms=192)
    large = [row for row in rows if row["atoms"] == 98304 and row["times"]]
    if not small or not large:
        return None
    atoms = large[0]["atoms"] / small["atoms"]
    pairs = [dict(times=dict(large=row["times"]["tumble"], small=small["times"]["tumble"])) for row in large]
    return max(0.0, min(ratio(pair, "large", "small") / atoms - 1 for pair in pairs))


def bytes_per_atom(row, base):
    """Peak memory per atom above `base` (MB), in bytes."""
    found = row["megabytes"].get("tumble")
    return 1e6 * (found - base) / row["atoms"] if found else None


def growth(rows, of):
    """Growth from the smallest to the largest system, at the better of its budgets; 0 if it falls."""
    small = find(rows, atoms=192)
    large = [of(row) for row in rows if row["atoms"] == 98304 and of(row)]
    return max(0.0, min(large) / of(small) - 1) if small and large else None


def beyond(row, small):
    """Peak memory above that of the small system (programs and weights), over the budget."""
    return (row["megabytes"]["tumble"] - small["megabytes"]["tumble"]) / (1.048576 * row["memory"])
