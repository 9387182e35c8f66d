"""The code blocks in the pages of the book, and the attributes for running them.

Attributes follow the language in the info string of a fence, separated by spaces, quoted as in a shell:

    ```sh skip="REASON"       do not run the block
    ```text file="NAME"       write the block to this file; run it too if its language can be run
    ```sh minutes             run the block only if TUMBLE_MINUTES is set (make test-examples)
    ```sh run="s/A/B/"        replace the regular expression A by B in the text to run
    ```sh background          a program that stays until the end of the page
    ```sh beside="COMMAND"    run this command while the block runs

Readers do not see them: the book shows ordinary fences (scripts/book/links.py removes the attributes).
"""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# These two pages are made from output of the program.
GENERATED = {"commands.md", "errors.md"}
PLACES = ("*.md", "docs/*.md", "examples/*/README.md", "benches/*/README.md", "python/*/README.md")
PAGES = [page for place in PLACES for page in sorted(ROOT.glob(place)) if page.name not in GENERATED]
RUNNABLE = {"sh", "python", "lammps"}
OTHER = {"c", "cmake", "fortran", "rust", "xml", "json", "text"}
WITH_VALUE = {"skip", "file", "run", "beside"}
WITHOUT_VALUE = {"minutes", "background"}
BLOCK = re.compile(r"^```(?P<info>.*)\n(?P<text>[\s\S]*?)^```$", re.MULTILINE)


@dataclass
class Block:
    """A block: its language, its text, the number of its first line, and the attributes of its fence by name."""

    language: str
    text: str
    line: int
    attributes: dict[str, str]

    @property
    def runs(self):
        """Whether the block runs, if its language can."""
        minutes = "minutes" in self.attributes and not os.environ.get("TUMBLE_MINUTES")
        return not minutes and "skip" not in self.attributes

    def to_run(self):
        """The text to run: the block of the page, after the replacement of `run`."""
        if "run" not in self.attributes:
            return self.text
        parts = self.attributes["run"].split("/")
        assert len(parts) == 4 and parts[0] == "s", f"line {self.line}: {self.attributes['run']} is not s/A/B/"
        changed = re.sub(parts[1], parts[2], self.text, flags=re.MULTILINE)
        assert changed != self.text, f"line {self.line}: nothing to replace by {self.attributes['run']}"
        return changed


def parse(info):
    """Language and attributes of an info string."""
    try:
        language, *words = shlex.split(info) or [""]
    except ValueError as error:
        raise AssertionError(f"the info string {info!r} has a quote without an end: {error}") from None
    attributes = {}
    for word in words:
        name, equals, value = word.partition("=")
        assert name in WITH_VALUE | WITHOUT_VALUE, f"unknown attribute {name!r} in the info string {info!r}"
        assert bool(value) == (name in WITH_VALUE) and bool(equals) == bool(value), (
            f"the attribute {name!r} {'needs a value' if name in WITH_VALUE else 'takes no value'}: {info!r}"
        )
        assert name not in attributes, f"the attribute {name!r} stands twice in the info string {info!r}"
        attributes[name] = value
    return language, attributes


def blocks(page):
    """All blocks of a page, in order."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        language, attributes = parse(match["info"])
        yield Block(language, match["text"], text[: match.start("text")].count("\n") + 1, attributes)
