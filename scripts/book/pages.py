"""Writes the pages of the book that are made from the program: docs/commands.md and docs/errors.md.

    python scripts/book/pages.py [PROGRAM]         # target/release/tumble unless given

The first is what `--help` says; the second takes the sentences from the sources, cause and cure from the comments of
`src/error.rs`.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/tumble"

COMMANDS = """# Command line

What `tumble --help` and the `--help` of each command print. Texts around them: [check.md](check.md), [ipi.md](ipi.md),
[server.md](server.md). A mitigation is a word of [choosing.md](choosing.md). This page is written by
`python scripts/book/pages.py`.
"""

ERRORS = """# Troubleshooting

Every sentence that tumble ends with, its cause and its cure. `...` is what differs. What the doors to other programs
say besides: [tumble ipi](ipi.md#troubleshooting), [tumble serve](server.md#errors). This page is written by
`python scripts/book/pages.py` from the sources, so none is missing.
"""

# Headings, before the first error that they are for, in the order of the enum.
SECTIONS = {
    "Read": "Structures, models, rotations",
    "Xyz": "Files of structures",
    "Address": "Connections",
    "UnitStyle": "LAMMPS",
    "WholeTooLarge": "Memory",
    "Internal": "The program itself",
    "RuntimeMissing": "ONNX Runtime",
    "NotOnnx": "Model files",
}
PAIR_STYLE = """
## The pair style's own checks

They follow `pair_style tumble`, and say themselves what to write in the input:
"""
XYZ = """
## XYZ files

What follows `line ... of ...:` says what to change:
"""
MESSAGES = """
## Messages of the other side

What follows the address of the other side of a socket:
"""

VARIANT = re.compile(
    r"(?P<comment>(?: {4}///.*\n)+)"
    r" {4}#\[error\(\s*\"(?P<sentence>(?:[^\"\\]|\\[\s\S])*)\"[\s\S]*?\)\]\n"
    r" {4}(?P<name>[A-Z]\w*)"
)


def help_of(program, command):
    """What a command says of itself, as a block; without a command the program."""
    words = [program, *command, "--help"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"\n## {' '.join(['tumble', *command])}\n\n```text\n{lines}\n```\n"


def commands(program=PROGRAM):
    """The page of the command line."""
    front = help_of(program, [])
    listed = re.search(r"Commands:\n((?: {2}\S.*\n)+)", front)[1]
    names = [line.split()[0] for line in listed.splitlines()]
    return COMMANDS + front + "".join(help_of(program, [name]) for name in names if name != "help")


def spoken(literal):
    """A sentence as a user sees it, of a string of Rust or C++: breaks and escapes undone, `...` for what differs."""
    literal = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"')
    sentence = re.sub(r"\{[^}]*\}|\.{3}", "...", literal).replace("......", "...")
    # Of a sentence that is nothing else the names are told.
    return sentence if re.search(r"\w", sentence) else re.sub(r"[{}]", "", literal).upper()


def code(text):
    """A code span, whatever quotes are in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def variants(path, enum):
    """Name, sentence and comment (paragraphs) of each error of an enum."""
    source = (ROOT / path).read_text()
    body = re.search(rf"pub enum {enum} {{\n([\s\S]*?)\n}}\n", source)[1]
    found = []
    for match in VARIANT.finditer(body):
        comment = re.sub(r" {4}/// ?", "", match["comment"]).strip()
        paragraphs = [" ".join(paragraph.split("\n")) for paragraph in comment.split("\n\n")]
        found.append((match["name"], spoken(match["sentence"]), paragraphs))
    count = len(re.findall(r"#\[error\(", body))
    assert len(found) == count, f"{path}: {len(found)} of the {count} errors of {enum} were understood"
    return found


def entry(name, sentence, paragraphs):
    """An error of the page, with what its comment must tell."""
    told = dict(paragraph.split(": ", 1) for paragraph in paragraphs[1:] if ": " in paragraph)
    assert {"Cause", "Cure"} <= set(told), f"src/error.rs: the comment of {name} lacks a paragraph Cause: or Cure:"
    words = [re.sub(r"\bdocs/((\S+\.md)[#\w-]*)", r"[\2](\1)", told[key]) for key in ("Cause", "Cure")]
    return f"\n- {code(sentence)}\n\n    *Cause:* {words[0]} *Cure:* {words[1]}\n"


def pair_style():
    """What the C++ side of the pair style refuses."""
    calls = [call for path in sorted(ROOT.glob("cpp/*.cpp")) for call in refusals(path.read_text())]
    return sorted(call.removeprefix("pair_style tumble: ") for call in calls if call != "pair_style tumble: ...")


def refusals(source):
    """Sentences of the calls of LAMMPS' error->all and error->one."""
    for call in re.findall(r"error->(?:all|one)\(\s*FLERR,((?:\s*\"(?:[^\"\\]|\\.)*\")+)", source):
        yield spoken("".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", call)))


def errors():
    """The page of all sentences."""
    page = [ERRORS]
    for name, sentence, paragraphs in variants("src/error.rs", "Error"):
        page += [f"\n## {SECTIONS[name]}\n"] if name in SECTIONS else []
        page += [entry(name, sentence, paragraphs)]
    page += [PAIR_STYLE, "\n", *(f"- {code(sentence)}\n" for sentence in pair_style())]
    for text, path, enum in [(XYZ, "src/xyz/problem.rs", "Problem"), (MESSAGES, "src/ipi/message.rs", "Fault")]:
        listed = [sentence for _, sentence, _ in variants(path, enum) if sentence != "..."]
        page += [text, "\n", *(f"- {code(sentence)}\n" for sentence in listed)]
    return "".join(page)


def main():
    program = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROGRAM
    (ROOT / "docs/commands.md").write_text(commands(program))
    (ROOT / "docs/errors.md").write_text(errors())


if __name__ == "__main__":
    main()
