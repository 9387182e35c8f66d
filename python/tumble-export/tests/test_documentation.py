"""The code in the manual is that of the examples: blocks that are "a part of FILE" stand in this file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r'^```python skip="a part of (?P<file>examples/\S+)"\n(?P<text>[\s\S]*?)^```$', re.MULTILINE)
PAGES = [ROOT / "docs/export.md", ROOT / "docs/outputs.md"]
PARTS = [(found["file"], found["text"]) for page in PAGES for found in BLOCK.finditer(page.read_text())]


def flush(text):
    """The lines of a text without indentation, comments and empty lines."""
    lines = [line.strip() for line in text.splitlines()]
    return "\n" + "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("file, text", PARTS)
def test_a_part_stands_in_its_file(file, text):
    assert flush(text) in flush((ROOT / file).read_text())


def test_all_examples_have_parts():
    names = {Path(file).name for file, _ in PARTS}
    assert names == {"transformer.py", "transformer_tumble.py", "transformer_list.py", "dipole.py"}
