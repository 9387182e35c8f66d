"""Rows of measurements: medians and ratios of times over rounds, and finding rows."""

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


def merged(kept, rows, keys):
    """The rows that were kept, with new ones in the place of those with the same entries, or at the end."""
    found = {tuple(row[key] for key in keys): row for row in [*kept, *rows]}
    return list(found.values())
