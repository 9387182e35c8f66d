"""The failures on the page on clusters: messages of the program, or of the system as doctor recognizes them."""

import re

import pytest
from fences import ROOT

PAGE = (ROOT / "docs/clusters.md").read_text()
TABLE = PAGE.split("## When it fails")[1].split("## What to send us")[0]
MESSAGES = [
    message
    for row in re.findall(r"^\| (.*?) \|", TABLE, re.M)[2:]
    for message in re.findall(r"``(.+?)``|(?<!`)`([^`]+)`(?!`)", row)
]
MESSAGES = ["".join(parts) for parts in MESSAGES]
# Of LAMMPS and the loader; those of the loader are known to src/bin/tumble/doctor.
FOREIGN = {"Unrecognized pair style 'tumble'", "1 by 1 by 1 MPI processor grid"}


def sources():
    """All sentences of the program; a backslash at the end of a line joins it to the next."""
    files = [path for place in ("crates", "src", "cpp", "include") for path in (ROOT / place).rglob("*.*")]
    text = "\n".join(path.read_text() for path in files if path.suffix in {".rs", ".cpp", ".h"})
    return re.sub(r'"\s*\n\s*"|\\\n\s*', "", text)


SOURCES = sources()


def test_there_are_many():
    assert len(MESSAGES) >= 15


@pytest.mark.parametrize("message", [message for message in MESSAGES if message not in FOREIGN])
def test_messages_are_those_of_the_program(message):
    # Numbers are examples, and `...` stands for variable parts.
    parts = [part.strip(" :,`'") for part in re.split(r"\.\.\.|\d[\d,]*|not found|from shared object", message)]
    parts = [part for part in parts if len(part) > 3]
    assert parts and all(part in SOURCES for part in parts), [part for part in parts if part not in SOURCES]
