"""Numbers made of the times of rounds."""

from statistics import median


def seconds(row, name):
    """Median over rounds; None where there is none."""
    times = row["times"].get(name)
    return median(times) if times else None


def ratio(row, name, other):
    """Median over rounds of one's time over that of the other in the same round; None where one is missing."""
    times, others = row["times"].get(name), row["times"].get(other)
    return median(a / b for a, b in zip(times, others)) if times and others else None


def find(rows, **wanted):
    """The row with these entries; None where there is none."""
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)
