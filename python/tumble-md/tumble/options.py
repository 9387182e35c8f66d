"""Options of a model as text: `rotate: octahedral, inversion: yes`."""

from __future__ import annotations

# Written as yes or no.
FLAGS = {"inversion", "correction", "tf32"}
# As in LAMMPS and in an INIT.
SPELLINGS = {"yes", "on", "true", "no", "off", "false"}


def text(**options: str | int | bool | None) -> str:
    """The options as key: value pairs, separated by commas, without those that are None.

    Raises ValueError for a value that the reader would cut short. The message does not show it: it may be secret.
    """
    return ", ".join(f"{key}: {_whole(key, value)}" for key, value in options.items() if value is not None)


def _yes_or_no(key: str, value: str | int | bool) -> str:
    # LAMMPS and an INIT write yes and no, but in Python even "no" is true.
    if value in (True, False):
        return "yes" if value else "no"
    if value in SPELLINGS:
        return str(value)
    raise ValueError(f"{key} is {value!r}: give True or False")


def _whole(key: str, value: str | int | bool) -> str:
    if key in FLAGS:
        return _yes_or_no(key, value)
    written = str(value)
    if not written or written.strip() != written or any(end in written for end in ",\n\0"):
        raise ValueError(f"{key} is empty, or has a comma, a line break or spaces around it: leave these out")
    return written
