"""The generated pages match this program, and every error has a cause and a cure."""

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


def test_the_page_of_the_command_line_equals_the_help():
    page = pages.commands(PROGRAM)
    assert "\n## tumble check\n" in page and "--reference <degree:N>" in page
    assert (ROOT / "docs/commands.md").read_text() == page, OLD


@pytest.fixture(scope="module")
def page():
    return pages.errors(PROGRAM)


def sentences(page):
    """The sentences listed on a page."""
    return [sentence.strip() for _, sentence in re.findall(r"^- (?:for example )?(`+)(.+?)\1$", page, re.MULTILINE)]


def test_the_page_of_errors_equals_the_program(page):
    assert (ROOT / "docs/errors.md").read_text() == page, OLD


def test_every_variant_has_its_sentence(page):
    told = sentences(page)
    assert len(re.findall(r"^    \*Cause:\* .+ \*Cure:\* .+", page, re.MULTILINE)) >= 50
    assert "interrupted" in told
    assert "the cell is periodic along ... but its volume is ... Å^3: give three independent cell vectors" in told
    # A break inside the literal, a formatted field, and a quotation.
    begin = "... can be reached from other machines: give a token (TUMBLE_TOKEN), listen"
    assert any(sentence.startswith(begin) for sentence in told)
    assert 'the model "..." does not know element ...: it knows ...' in told


def test_an_error_without_cure_is_refused(page):
    # Each error before the checks of the pair style has both; a test of the program says so of its catalogs.
    errors = page.split("\n## The pair style's own checks\n")[0]
    for error in re.split(r"^- ", errors, flags=re.MULTILINE)[1:]:
        assert re.search(r"\n\n    \*Cause:\* .+ \*Cure:\* .+\n", error), error


def test_refusals_of_the_pair_style_are_found():
    sentences = pages.pair_style()
    assert len(sentences) >= 18
    assert "pair_style tumble needs newton on for pairs: write newton on" in sentences
    # A literal in two pieces.
    assert any(sentence.endswith("as in pair_coeff * * model.onnx O H") for sentence in sentences)


ENUMS = [
    "src/error.rs",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("crates/tumble-*/src/error.rs")),
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("crates/tumble-*/src/error/*.rs")),
    "crates/tumble-xyz/src/line_error.rs",
    "crates/tumble-ipi/src/message.rs",
    "crates/tumble-ipi/src/init.rs",
    "crates/tumble-core/src/hash.rs",
]


@pytest.mark.parametrize("path", ENUMS)
def test_all_variants_are_on_the_page_with_their_sentences(path, page):
    """Reads the sentences from the literals in the sources, independently of the program."""
    source = (ROOT / path).read_text()
    enums = "".join(re.findall(r"^(?:tumble_core|crate)::errors! \{\n([\s\S]*?)^\}\n", source, re.MULTILINE))
    literals = re.findall(r"#\[error\(\s*\"((?:[^\"\\]|\\[\s\S])*)\"", enums)
    assert len(literals) + enums.count("#[error(transparent)]") == enums.count("#[error(")
    told = sentences(page)
    for literal in literals:
        words = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"')
        # The pieces between variable parts appear in order.
        pieces = [piece for piece in re.split(r"\{[^}]*\}|\.\.\.", words) if piece.strip()]
        expected = re.compile(".*".join(map(re.escape, pieces)))
        assert any(expected.search(sentence) for sentence in told), literal


@pytest.mark.parametrize(
    "sentence",
    [
        # Options of C and Python, and an INIT.
        '`... is "...": give yes or no`',
        '`... is "...": give a whole number from 1 to 1000000`',
        "`changes nothing without rotations: all steps are bare: give rotate, ",
        "`asks for ... rotations, but N goes from 1 to ...`",
        "`the INIT names no species: add, for instance, species: O H2`",
        # A model's file.
        "`its bytes are not a protobuf message`",
        # Another side of a socket.
        "`sent POSDATA before INIT`",
        # LAMMPS' own.
        "`Unrecognized pair style 'tumble'`\n",
        # Warnings and notes.
        "`masses and elements do not match (..., all in u): give the elements in the order of the atom types ",
        "`centroid virials of a model with several hops place the energy of distant edges at their centers, ",
        "`... threads share the ... processor(s) that this process may use, ",
        # Python.
        "`ValueError: ... is no element: give a symbol such as O, or an atomic number from 1 to 118`",
        "`ModelError: the model was closed: load it again`",
    ],
)
def test_sentences_beside_the_enums_are_on_the_page(sentence, page):
    assert f"\n- {sentence}" in page


def test_the_version_to_cite_equals_the_program():
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"  version = {{{version}}},\n" in (ROOT / "docs/cite.md").read_text()
