"""The blocks of code in the pages of the book, and what comments before them say of how they are run.

A comment of HTML on a line of its own, right before a block, is not seen by readers:

    <!-- not run: REASON -->       the block is not run
    <!-- file: NAME -->            the block is written to this file; it is run too if its language can be
    <!-- takes minutes -->         the block is run if TUMBLE_MINUTES is set: make test-examples
    <!-- run with s/A/B/ -->       in the text that is run, A (a regular expression) is B
    <!-- background -->            a program that stays until the end of the page
    <!-- beside: COMMAND -->       this runs while the block does
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# These two are made of what the program prints.
GENERATED = {"commands.md", "errors.md"}
PLACES = ("*.md", "docs/*.md", "examples/*/README.md", "benches/*/README.md", "python/README.md")
PAGES = [page for place in PLACES for page in sorted(ROOT.glob(place)) if page.name not in GENERATED]
RUNNABLE = {"sh", "python", "lammps"}
OTHER = {"c", "fortran", "rust", "xml", "json", "text"}
NOTE = re.compile(r"<!-- (?P<name>not run|takes minutes|file|beside|background|run with)(?::? (?P<value>.+))? -->")
BLOCK = re.compile(r"(?P<notes>(?:^<!-- .* -->\n)*)^```(?P<language>\w*)\n(?P<text>[\s\S]*?)^```$", re.MULTILINE)


@dataclass
class Block:
    """A block: its language, its text, the number of its first line, and the notes before it by their names."""

    language: str
    text: str
    line: int
    notes: dict[str, str]

    @property
    def runs(self):
        """Whether it is run, if its language can be."""
        minutes = "takes minutes" in self.notes and not os.environ.get("TUMBLE_MINUTES")
        return not minutes and "not run" not in self.notes

    def to_run(self):
        """The text with what the notes replace."""
        if "run with" not in self.notes:
            return self.text
        _, old, new, _ = self.notes["run with"].split("/")
        changed = re.sub(old, new, self.text, flags=re.MULTILINE)
        assert changed != self.text, f"line {self.line}: nothing to replace by {self.notes['run with']}"
        return changed


def note(comment):
    """Name and value of a note."""
    match = NOTE.fullmatch(comment)
    assert match, f"no note is written like this: {comment}"
    return match["name"], match["value"] or ""


def blocks(page):
    """All of a page, in order."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        notes = dict(note(comment) for comment in match["notes"].splitlines())
        yield Block(match["language"], match["text"], text[: match.start("text")].count("\n") + 1, notes)
