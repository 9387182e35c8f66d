"""Species and conditions of a structure in an XYZ file, extended or as i-PI writes it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tumble.conditions import NAMES, plain
from tumble.elements import atomic_number

ENTRY = re.compile(r'(?:^|\s)(\w+)=("[^"]*"|\S+)')


@dataclass(frozen=True)
class Template:
    """What a simulation does not tell of its structure."""

    # [N], atomic numbers
    species: list[int]
    # Those of charge (e), spin and field (V/Å) that the file gives.
    conditions: dict[str, Any]


def read(file: str | os.PathLike[str]) -> Template:
    """Reads the first structure of a file. Raises ValueError with what is wrong in which line."""
    try:
        with open(file, encoding="utf-8") as text:
            lines = text.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the template {os.fspath(file)}: {error}") from None
    count, comment = lines[0].strip() if lines else "", lines[1] if len(lines) > 1 else ""
    if not count.isdigit() or len(lines) < 2 + int(count):
        raise ValueError(
            f"{os.fspath(file)} holds no structure in XYZ format: give the number of atoms in its first line"
        )
    entries = {name.lower(): value.strip('"') for name, value in ENTRY.findall(comment)}
    column = _species_column(entries.get("properties", "species:S:1"))
    rows = enumerate(lines[2 : 2 + int(count)], 3)
    species = [_species(line, column, f"line {number} of {os.fspath(file)}") for number, line in rows]
    return Template(species, _conditions(entries))


def _species_column(properties: str) -> int:
    """The column of the species in `name:type:width:…`."""
    words = properties.split(":")
    before = words[: words.index("species")] if "species" in words else []
    return sum(map(int, before[2::3]))


def _species(line: str, column: int, place: str) -> int:
    words = line.split()
    try:
        return atomic_number(int(words[column]) if words[column].isdigit() else words[column])
    except (IndexError, ValueError):
        found = words[column] if column < len(words) else line
        raise ValueError(f"{place} has {found!r} where the symbol of an element is expected") from None


def _conditions(entries: dict[str, str]) -> dict[str, Any]:
    return plain({name: _numbers(name, entries[name]) for name in NAMES if name in entries})


def _numbers(name: str, text: str) -> Sequence[float] | float:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        raise ValueError(f"{name} should be a number, but {text!r} was found") from None
    return numbers if NAMES[name] > 1 else numbers[0]
