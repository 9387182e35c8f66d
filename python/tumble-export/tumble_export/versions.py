"""Versions of other packages: a warning if another one was tested, a refusal if it is too old."""

import sys


def numbers(version):
    """The first two numbers of a version: "2.13.0+cpu" -> (2, 13)."""
    words = version.split("+")[0].split(".")[:2]
    return tuple(int("".join(c for c in word if c.isdigit()) or 0) for word in words)


def check(package, version, tested, least, advice):
    """Warn about another version than the tested one (or ones, a tuple); refuse versions older than `least`."""
    tested = (tested,) if isinstance(tested, str) else tested
    if numbers(version) < numbers(least):
        raise SystemExit(f"{package} {version} is too old, {least} or newer is needed: {advice}")
    if numbers(version) not in map(numbers, tested):
        was = " and ".join(tested) + (" was" if len(tested) == 1 else " were")
        warn(
            f"{package} {version} was not tested with this program, {was}: the comparison of the file with "
            f"its source decides; if it fails, {advice}"
        )


def warn(text):
    """A line on standard error."""
    print(f"warning: {text}", file=sys.stderr)
