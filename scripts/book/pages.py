"""Writes the generated pages of the book: docs/commands.md and docs/errors.md.

    python scripts/book/pages.py [PROGRAM]         # default: target/release/tumble

The first page contains the output of `--help`. The second contains the output of `tumble errors` (all errors in Rust),
the errors and warnings of the pair style in C++, other texts of the Rust modules, and the exceptions of the Python
package.
"""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/tumble"

COMMANDS = """# Command line

The output of `tumble --help` and of the `--help` of each command. More on some commands: [eval.md](eval.md) (what it
writes, exit codes, parts of a file), [check.md](check.md), [ipi.md](ipi.md), [server.md](server.md). For the values of
`--rotate` see [choosing.md](choosing.md). This page is written by `python scripts/book/pages.py`.
"""

ERRORS = """# Troubleshooting

All error messages of tumble; cause and cure follow where the message does not give them. After them come the details at
the end of messages, the warnings and the exceptions. `...` stands for variable parts. See also
[tumble ipi](ipi.md#troubleshooting) and [tumble serve](server.md#errors); for invalid options a command prints its
[usage](commands.md). This page is written by `python scripts/book/pages.py` from the sources.
"""

PLUGIN = """
## Messages of LAMMPS

- `Unrecognized pair style 'tumble'`

    *Cause:* LAMMPS has not loaded the plugin, or has refused it; then an error above says why. *Cure:* Write
    `plugin load` with the path of `tumbleplugin.so` before `pair_style`, or set `LAMMPS_PLUGIN_PATH` to its folder
    ([pair_style tumble](lammps.md#description)); `tumble doctor` tells whether LAMMPS can load it, and
    [`tumble lammps build`](lammps.md#your-own-lammps) compiles it for your LAMMPS.
"""
PAIR_STYLE = """
## The pair style's own checks

They follow `pair_style tumble` and name the change to the input:
"""
WARNINGS = """
## Warnings of the pair style

They begin with `WARNING: pair_style tumble:`, and the run goes on:
"""
NOTES = """
## Notes

They begin with `note:` on the command line, are warnings in Python, and lines of the log in LAMMPS:
"""
EXCEPTIONS = """
## Exceptions in Python

Exceptions of the Python package `tumble` itself, with the type; all other errors are a `ModelError` or a
`ServerError`:
"""

# The checks of the pair style come before this section of `tumble errors`.
BEHIND_PAIR_STYLE = "XYZ files"

# Modules with further sentences of a section: messages to a peer, or details at the end of an error. Every text of four
# words or more counts.
SOURCES = {
    "Options and arguments": [
        "tumble-ipi/src/options.rs",
        "tumble-ipi/src/client/settings.rs",
        "tumble-core/src/execution.rs",
        "tumble-core/src/quadrature/mitigation/parse.rs",
        "tumble-core/src/settings.rs",
        "tumble-core/src/settings/check.rs",
        "tumble-server/src/session_request.rs",
        "tumble-server/src/serve.rs",
        "tumble-capi/src/*.rs",
    ],
    "Defects of a model file": ["tumble-onnx/src/contract/unpacking.rs"],
    "Messages of the peer": [
        "tumble-ipi/src/shared.rs",
        "tumble-ipi/src/client.rs",
        "tumble-ipi/src/client/reply_reader.rs",
        "tumble-ipi/src/net/listener.rs",
        "tumble-server/src/scheduler/admission.rs",
        "tumble-server/src/scheduler/connection.rs",
    ],
    "Warnings": ["tumble-lammps/src/masses.rs"],
    "Notes": ["tumble-onnx/src/runtime/session.rs", "tumble-core/src/processors.rs"],
}
# Parts of sentences, not sentences: they fill a `...`.
PARTS = {
    "the server at ...",
    "its endings out of order",
    "type ... is ... (mass ...) but has mass ...",
    "the documentation of the functions is that of the header",
    "[M, ...] with M of 2 or more",
}


def help_of(program, command):
    """The help of a command as a block; without a command, the help of the program."""
    words = [program, *command, "--help"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"\n## {' '.join(['tumble', *command])}\n\n```text\n{lines}\n```\n"


def helps(program, command):
    """The help of a command and of the commands that it lists."""
    text = help_of(program, command)
    listed = re.search(r"Commands:\n((?: {2}\S.*\n)+)", text)
    names = [line.split()[0] for line in listed[1].splitlines()] if listed else []
    return text + "".join(helps(program, [*command, name]) for name in names if name != "help")


def commands(program=PROGRAM):
    """The page of the command line."""
    return COMMANDS + helps(program, [])


def spoken(literal):
    """A literal of Rust or C++ as users see it: breaks and escapes removed, `...` for variable parts."""
    literal = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"')
    sentence = re.sub(r"\{[^}]*\}|\.{3}", "...", literal).replace("......", "...")
    if re.search(r"\w", sentence):
        return sentence
    # Show the names of the parts if a sentence has variable parts only.
    names = re.sub(r"[{}]", "", literal).upper()
    return names if re.search("[A-Z]", names) else "..."


def code(text):
    """A code span for any text, also with backquotes."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def told(program):
    """The sections of `tumble errors` by their headings, each with its heading."""
    text = subprocess.run([program, "errors"], check=True, capture_output=True, text=True).stdout
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {section.splitlines()[0].removeprefix("## "): "\n" + section.rstrip() + "\n" for section in sections}


def linked(section):
    """A section with links in place of the names of files of the manual."""
    link = functools.partial(re.sub, r"\bdocs/((\S+\.md)[#\w-]*)", r"[\2](\1)")
    return re.sub(r"^ {4}\*Cause:\*.*$", lambda line: link(line[0]), section, flags=re.MULTILINE)


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
    """Texts of four words or more in modules of crates/, without tests and comments, sorted."""
    found = set()
    for path in (path for pattern in patterns for path in ROOT.glob(f"crates/{pattern}")):
        source = path.read_text().split("#[cfg(test)]")[0]
        source = re.sub(r"^\s*//.*$|#\[error\([\s\S]*?\)\]", "", source, flags=re.MULTILINE)
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


def listed(text, sentences):
    """A section."""
    return "".join([text, "\n", *(f"- {code(sentence)}\n" for sentence in sentences)])


def section(heading, text):
    """A section of `tumble errors`, with the sentences of other modules."""
    more = (f"- {code(sentence)}\n" for sentence in rust_sentences(SOURCES.get(heading, [])))
    return linked(text) + "".join(line for line in more if line not in text)


def errors(program=PROGRAM):
    """The page of all sentences."""
    sections = [(heading, section(heading, text)) for heading, text in told(program).items()]
    behind = [heading for heading, _ in sections].index(BEHIND_PAIR_STYLE)
    page = [ERRORS, *(text for _, text in sections[:behind])]
    page += [PLUGIN, listed(PAIR_STYLE, pair_style())]
    page += [listed(WARNINGS, sorted([*warnings(), *rust_sentences(SOURCES["Warnings"])]))]
    page += [text for _, text in sections[behind:]]
    page += [listed(NOTES, rust_sentences(SOURCES["Notes"])), listed(EXCEPTIONS, exceptions())]
    return "".join(page)


def main():
    program = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROGRAM
    (ROOT / "docs/commands.md").write_text(commands(program))
    (ROOT / "docs/errors.md").write_text(errors(program))


if __name__ == "__main__":
    main()
