"""The pages that are made from the program are those of this program, and no error is without cause and cure."""

import importlib.util
import os
import re

import pytest
from fences import ROOT

spec = importlib.util.spec_from_file_location("pages", ROOT / "scripts/book/pages.py")
pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pages)
PROGRAM = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
OLD = "old: run `python scripts/book/pages.py` after `make build`"


def test_the_page_of_the_command_line_is_what_help_says():
    page = pages.commands(PROGRAM)
    assert "\n## tumble check\n" in page and "--reference <degree:N>" in page
    assert (ROOT / "docs/commands.md").read_text() == page, OLD


def test_the_page_of_errors_is_that_of_the_sources():
    assert (ROOT / "docs/errors.md").read_text() == pages.errors(), OLD


def test_variants_have_their_sentences():
    told = {name: sentence for name, sentence, _ in pages.variants("src/error.rs", "Error")}
    assert len(told) >= 50
    assert told["Interrupted"] == "interrupted"
    assert told["FlatCell"] == (
        "the cell is periodic along ... but its volume is ... Å^3: give three independent cell vectors"
    )
    # A break inside the literal, a formatted field, and a quotation.
    assert told["OpenDoor"].startswith("... can be reached from other machines: give a token (TUMBLE_TOKEN), listen")
    assert told["UnknownElement"] == 'the model "..." does not know element ...: it knows ...'


def test_a_variant_without_cure_is_refused():
    with pytest.raises(AssertionError, match="the comment of Read lacks a paragraph Cause: or Cure:"):
        pages.entry("Read", "cannot read ...", ["A file could not be read.", "Cause: it is not there."])


def test_refusals_of_the_pair_style_are_found():
    sentences = pages.pair_style()
    assert len(sentences) >= 18
    assert "pair_style tumble needs newton on for pairs: write newton on" in sentences
    # A literal in two pieces.
    assert any(sentence.endswith("as in pair_coeff * * model.onnx O H") for sentence in sentences)


@pytest.mark.parametrize(
    ("path", "enum", "special"),
    [
        ("src/error.rs", "Error", {"Peer"}),
        ("src/xyz/problem.rs", "Problem", {"Structure"}),
        ("src/ipi/message.rs", "Fault", set()),
    ],
)
def test_page_has_all_variants_with_their_sentences(path, enum, special):
    """The variants are counted by their names, the sentences are read from the literals with neither of the parsers."""
    body = re.search(rf"pub enum {enum} {{\n([\s\S]*?)\n}}\n", (ROOT / path).read_text())[1]
    names = re.findall(r"^ {4}([A-Z]\w*)(?: \{|\(|,)", body, re.MULTILINE)
    told = {name: sentence for name, sentence, _ in pages.variants(path, enum)}
    assert list(told) == names
    page = pages.errors()
    for name in names:
        literal = re.search(
            rf"#\[error\(\s*\"((?:[^\"\\]|\\[\s\S])*)\"(?:(?!#\[error)[\s\S])*?^ {{4}}{name}\b", body, re.M
        )[1]
        words = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"')
        # Between what differs, each piece is there in order.
        pieces = [piece for piece in re.split(r"\{[^}]*\}|\.\.\.", words) if piece.strip()]
        assert name in special or all(piece in told[name] for piece in pieces), name
        assert told[name] in page or told[name] == "...", name


def test_page_has_sentences_only():
    entries = re.findall(r"^- (`+)(.+?)\1$", pages.errors(), re.MULTILINE)
    assert len(entries) > 180
    for _, sentence in entries:
        assert re.search(r"[A-Za-z]{3}", sentence), sentence
        assert "{" not in sentence and "\\" not in sentence, sentence


@pytest.mark.parametrize(
    "sentence",
    [
        # Options of C and Python, and an INIT.
        '`... is "...": give yes or no`',
        "`the INIT names no species: add, for instance, species: O H2`",
        # A model's file.
        "`its bytes are not a protobuf message`",
        # Another side of a socket.
        "`sent POSDATA before INIT`",
        # Warnings and notes.
        "`centroid virials of a model with several hops take the energy of distant edges to sit at their centers, ",
        "`... threads share the ... processor(s) that this process may use, ",
        # Python.
        "`ValueError: ... is no element: give a symbol such as O, or an atomic number from 1 to 118`",
        "`ModelError: the model was closed: load it again`",
    ],
)
def test_sentences_beside_the_enums_are_on_the_page(sentence):
    assert f"\n- {sentence}" in pages.errors()


def test_the_version_to_cite_is_that_of_the_program():
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"  version = {{{version}}},\n" in (ROOT / "docs/cite.md").read_text()
