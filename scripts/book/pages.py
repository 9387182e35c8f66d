"""Writes the generated pages of the book: docs/commands.md and docs/errors.md.

    python scripts/book/pages.py [PROGRAM]         # target/release/tumble unless given

The first contains the output of `--help`. The second takes its sentences from the sources: all variants of the errors
in Rust, with cause and cure from the comments of `src/error.rs`, the errors and warnings of the pair style, the ends of
sentences from other modules, and the exceptions of the Python package.
"""

import ast
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

Every sentence that tumble ends with, its cause and its cure, and then the ends of sentences, the warnings and the
exceptions that say themselves what to change. `...` is what differs. What the doors to other programs say besides:
[tumble ipi](ipi.md#troubleshooting), [tumble serve](server.md#errors); options that make no sense are refused by the
usage of [each command](commands.md). This page is written by `python scripts/book/pages.py` from the sources.
"""

# Headings, by the first error of their section, in the order of the enum.
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
WARNINGS = """
## Warnings of the pair style

They begin with `WARNING: pair_style tumble:`, and the run goes on:
"""
XYZ = """
## XYZ files

What follows `line ... of ...:` says what to change:
"""
MESSAGES = """
## Messages of the other side

What follows the address of the other side of a socket:
"""
OPTIONS = """
## Options and arguments

What follows the name of an option, of a mitigation or of an argument of a call from C and Python, and what an `INIT` of
i-PI or of a client is refused with:
"""
FILES = """
## What is wrong with a model file

What follows its name, in sentences of [model files](#model-files):
"""
NOTES = """
## Notes

They begin with `note:` on the command line, are warnings in Python, and lines of the log in LAMMPS:
"""
EXCEPTIONS = """
## Exceptions in Python

What `tumble`'s Python package raises by itself, with the type; all other sentences come as `ModelError` or
`ServerError`:
"""

# Modules with the sentences of each section; every text of four words or more is a sentence.
SOURCES = {
    OPTIONS: ["options.rs", "onnx/hash.rs", "quadrature/mitigation.rs", "net/address.rs", "ipi/init.rs"]
    + ["server/request.rs", "server/serve.rs", "c_interface.rs", "c_interface/*.rs"],
    FILES: ["onnx/proto.rs", "onnx/signature.rs", "onnx/metadata.rs", "onnx/unpacking.rs"],
    MESSAGES: [
        "ipi/driver.rs",
        "ipi/shared.rs",
        "scheduler/admission.rs",
        "scheduler/connection.rs",
        "server/client.rs",
        "net/listener.rs",
    ],
    NOTES: ["onnx/session.rs", "processors.rs"],
}
# Parts of sentences, not sentences: they fill a `...`.
PARTS = {
    "a length above 0",
    "one of each of `species`",
    "an energy in eV",
    "the server at ...",
    "a tile gives the kind of forces that it is asked for",
}

# Comments, constants and attributes of enums; their sentences are collected elsewhere.
NO_SENTENCES = r"^\s*//.*$|^(?:pub )?const \w+: &str =[^;]*;|#\[error\([\s\S]*?\)\]"

VARIANT = re.compile(
    r"(?P<comment>(?: {4}///.*\n)+)"
    r" {4}#\[error\(\s*\"(?P<sentence>(?:[^\"\\]|\\[\s\S])*)\"[\s\S]*?\)\]\n"
    r" {4}(?P<name>[A-Z]\w*)"
)


def help_of(program, command):
    """The help of a command as a block; that of the program without a command."""
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
    """A literal of Rust or C++ as users see it: breaks and escapes removed, `...` for variable parts."""
    literal = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"')
    sentence = re.sub(r"\{[^}]*\}|\.{3}", "...", literal).replace("......", "...")
    if re.search(r"\w", sentence):
        return sentence
    # A sentence of variable parts only is shown by their names, if there are any.
    names = re.sub(r"[{}]", "", literal).upper()
    return names if re.search("[A-Z]", names) else "..."


def code(text):
    """A code span for any text, also with backquotes."""
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
    """An error of the page, with cause and cure from its comment."""
    told = dict(paragraph.split(": ", 1) for paragraph in paragraphs[1:] if ": " in paragraph)
    assert {"Cause", "Cure"} <= set(told), f"src/error.rs: the comment of {name} lacks a paragraph Cause: or Cure:"
    words = [re.sub(r"\bdocs/((\S+\.md)[#\w-]*)", r"[\2](\1)", told[key]) for key in ("Cause", "Cure")]
    return f"\n- {code(sentence)}\n\n    *Cause:* {words[0]} *Cure:* {words[1]}\n"


def pair_style():
    """Errors of the C++ side of the pair style."""
    calls = [call for path in sorted(ROOT.glob("cpp/*.cpp")) for call in refusals(path.read_text())]
    return sorted(call.removeprefix("pair_style tumble: ") for call in calls if call != "pair_style tumble: ...")


def refusals(source):
    """Sentences of the calls of LAMMPS' error->all and error->one."""
    return cpp_sentences(r"error->(?:all|one)\(\s*FLERR,", source)


def warnings():
    """Warnings of the pair style."""
    calls = r"(?:error->warning\(\s*FLERR,|warn_once\(\s*\w+,)"
    found = {text for path in ROOT.glob("cpp/*.cpp") for text in cpp_sentences(calls, path.read_text())}
    return sorted(text.removeprefix("pair_style tumble: ") for text in found - {"pair_style tumble: ..."})


def cpp_sentences(call, source):
    """The literals after a call, each joined from its pieces."""
    for pieces in re.findall(rf"{call}((?:\s*\"(?:[^\"\\]|\\.)*\")+)", source):
        yield spoken("".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", pieces)))


def rust_sentences(patterns):
    """Texts of four words or more in modules of src/, without tests, comments and constants, sorted."""
    found = set()
    for path in (path for pattern in patterns for path in ROOT.glob(f"src/{pattern}")):
        source = path.read_text().split("#[cfg(test)]")[0]
        source = re.sub(
            r"^\s*//.*$|^(?:pub )?const \w+: &str =[^;]*;|#\[error\([\s\S]*?\)\]", "", source, flags=re.MULTILINE
        )
        literals = re.findall(r"\"((?:[^\"\\]|\\[\s\S])*)\"", source)
        found |= {sentence for sentence in map(spoken, literals) if sentence.count(" ") >= 3}
    return sorted(found - PARTS)


def exceptions():
    """Types and sentences of the exceptions of the Python package."""
    found = set()
    for path in ROOT.glob("python/tumble-md/tumble/*.py"):
        raised = (node.exc for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise))
        for call in raised:
            if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
                found.add(f"{ast.unparse(call.func)}: {python_sentence(call.args[0])}")
    return sorted(found)


def python_sentence(literal):
    """A text of Python as users see it, `...` for variable parts."""
    if isinstance(literal, ast.Constant):
        return str(literal.value)
    return "".join(part.value if isinstance(part, ast.Constant) else "..." for part in literal.values)


def enum_sentences(path, enum):
    """Sentences of the variants with words of their own."""
    return [sentence for _, sentence, _ in variants(path, enum) if sentence != "..."]


def listed(text, sentences):
    """A section."""
    return [text, "\n", *(f"- {code(sentence)}\n" for sentence in sentences)]


def errors():
    """The page of all sentences."""
    page = [ERRORS]
    for name, sentence, paragraphs in variants("src/error.rs", "Error"):
        page += [f"\n## {SECTIONS[name]}\n"] if name in SECTIONS else []
        page += [entry(name, sentence, paragraphs)]
    page += listed(PAIR_STYLE, pair_style()) + listed(WARNINGS, warnings())
    page += listed(XYZ, enum_sentences("src/xyz/problem.rs", "Problem"))
    faults = enum_sentences("src/ipi/message.rs", "Fault")
    page += listed(MESSAGES, [*faults, *rust_sentences(SOURCES[MESSAGES])])
    for text in (OPTIONS, FILES, NOTES):
        page += listed(text, rust_sentences(SOURCES[text]))
    page += listed(EXCEPTIONS, exceptions())
    return "".join(page)


def main():
    program = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROGRAM
    (ROOT / "docs/commands.md").write_text(commands(program))
    (ROOT / "docs/errors.md").write_text(errors())


if __name__ == "__main__":
    main()
