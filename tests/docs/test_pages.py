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


def test_every_variant_is_told_with_its_words():
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


def test_what_the_pair_style_refuses_is_found():
    sentences = pages.pair_style()
    assert len(sentences) >= 18
    assert "pair_style tumble needs newton on for pairs: write newton on" in sentences
    # A literal in two pieces.
    assert any(sentence.endswith("as in pair_coeff * * model.onnx O H") for sentence in sentences)


def test_the_version_to_cite_is_that_of_the_program():
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
