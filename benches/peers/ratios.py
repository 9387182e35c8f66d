"""Medians and ratios of times over rounds."""

from statistics import median


def seconds(row, name):
    """Median over rounds; None without times."""
    times = row["times"].get(name)
    return median(times) if times else None


def ratio(row, name, other):
    """Median over rounds of the ratio of two times in the same round; None if one is missing."""
    times, others = row["times"].get(name), row["times"].get(other)
    return median(a / b for a, b in zip(times, others)) if times and others else None


def find(rows, **wanted):
    """The row with these entries; None if it is missing."""
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)
