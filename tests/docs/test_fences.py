"""Runs the commands and scripts in the pages of the book and in the README, page by page."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace

import pytest
from fences import OTHER, PAGES, ROOT, RUNNABLE, Block, blocks, parse

TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
VENV = os.path.dirname(os.path.dirname(sys.executable))
LINKS = {
    **{name: ROOT / name for name in ("docs", "examples", "include", "python")},
    "target": TARGET,
    ".venv": VENV,
    "water-pet.onnx": ROOT / "examples/models/water-pet.onnx",
    "model.onnx": ROOT / "tests/data/models/harmonic-padded-f64.onnx",
    "dipole.onnx": ROOT / "tests/data/models/dipole-padded-f64.onnx",
}
H2O = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("LAMMPS_", "TUMBLE_"))},
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "VIRTUAL_ENV": VENV,
    "PATH": f"{TARGET / 'release'}:{VENV}/bin:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT / "python/tumble-md"),
    # The wheel sets these for LAMMPS and Python by itself.
    "LAMMPS_PLUGIN_PATH": str(TARGET / "release"),
    "TUMBLE_LIBRARY": str(TARGET / "release/libtumble.so"),
}
PROGRAMS = r"make|tumble|target/release/tumble|pip|python\S*|i-pi|lmp|mpiexec|cargo|cc"
COMMAND_LINE = re.compile(rf"^ {{4}}({PROGRAMS}) ", re.MULTILINE)


def of_this_run(text, folder):
    """The text with private names of sockets, so that two runs on one machine do not interfere."""
    text = text.replace("/tmp/water.sock", f"{folder}/water.sock")
    return re.sub(r"(--unix |<address> |unixsocket=\")water\b", rf"\1tumble-docs-{os.getpid()}", text)


def name(page):
    """Name of a page in the names of tests."""
    return str(page.relative_to(ROOT).with_suffix(""))


def command(block, text, folder):
    """The command line that runs the text of a block."""
    if block.language == "python":
        return [sys.executable, "-c", text]
    if block.language == "lammps":
        (folder / "in.block").write_text(text)
        return ["lmp", "-in", "in.block"]
    return ["bash", "-e", "-c", f"{text}\nwait"]


@contextmanager
def running(text, folder):
    """A program in the background; returns after its first output."""
    words = ["bash", "-c", f"exec {text.strip()}"]
    with subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline(), f"{text} said nothing"
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[1]
    # 3: ASE has closed the connection of `tumble ipi`; 130: it was still waiting.
    assert process.returncode in (0, 3, 130), f"{text} ended with {process.returncode}: {said}"


def run(block, folder, background):
    """Runs one block; blocks for the background are left running."""
    text = of_this_run(block.to_run(), folder)
    if "file" in block.attributes:
        (folder / block.attributes["file"]).write_text(text)
    if "background" in block.attributes:
        background.enter_context(running(text, folder))
    elif block.language in RUNNABLE:
        with ExitStack() as beside:
            if "beside" in block.attributes:
                beside.enter_context(running(of_this_run(block.attributes["beside"], folder), folder))
            words = command(block, text, folder)
            environment = {**ENVIRONMENT, "OUT": str(folder / "results")}
            done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"line {block.line}:\n{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    ("info", "language", "attributes"),
    [
        ("", "", {}),
        ("sh", "sh", {}),
        ("sh minutes background", "sh", {"minutes": "", "background": ""}),
        (
            r'sh minutes run="s/run\.sh.*/run.sh -n 5/"',
            "sh",
            {"minutes": "", "run": r"s/run\.sh.*/run.sh -n 5/"},
        ),
        ('lammps file="in.water" run="s/1000/5/"', "lammps", {"file": "in.water", "run": "s/1000/5/"}),
        ('sh skip="LAMMPS\' own"', "sh", {"skip": "LAMMPS' own"}),
    ],
)
def test_attributes_follow_the_language(info, language, attributes):
    assert parse(info) == (language, attributes)


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ('sh skpi="typing error"', "unknown attribute 'skpi'"),
        ("sh takes minutes", "unknown attribute 'takes'"),
        ("sh skip", "'skip' needs a value"),
        ('sh skip=""', "'skip' needs a value"),
        ("sh minutes=5", "'minutes' takes no value"),
        ("sh minutes=", "'minutes' takes no value"),
        ("text file=a file=b", "'file' stands twice"),
        ('sh skip="no end', "a quote without an end"),
    ],
)
def test_mistakes_in_attributes_are_named(info, sentence):
    with pytest.raises(AssertionError, match=sentence):
        parse(info)


def test_a_replacement_is_made_or_refused():
    assert Block("sh", "run 1000\n", 1, {"run": "s/run .*/run 5/"}).to_run() == "run 5\n"
    for run, sentence in (("s/walk/run/", "nothing to replace"), ("1000", "is not s/A/B/")):
        with pytest.raises(AssertionError, match=sentence):
            Block("sh", "run 1000\n", 1, {"run": run}).to_run()


def test_the_book_shows_ordinary_fences(monkeypatch):
    """Calls the hook of the builder without the builder."""
    files = ModuleType("properdocs.structure.files")
    files.File = files.InclusionLevel = None
    monkeypatch.setitem(sys.modules, "properdocs.structure.files", files)
    spec = importlib.util.spec_from_file_location("links", ROOT / "scripts/book/links.py")
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="start.md"))
    shown = links.on_page_markdown('```sh minutes run="s/a/b/"\nls a\n```\n\n```text\na b\n```\n', page, None, None)
    assert shown == "```sh\nls a\n```\n\n```text\na b\n```\n"


def test_pages_have_many_blocks_to_run():
    kinds = [block.language for page in PAGES for block in blocks(page) if block.runs]
    assert all(kinds.count(language) >= 3 for language in ("sh", "python"))
    assert kinds.count("lammps") >= 2


def inputs():
    """Inputs of LAMMPS in the pages and the examples, with their places."""
    for page in PAGES:
        yield from ((f"{name(page)}, line {b.line}", b.text) for b in blocks(page) if b.language == "lammps")
    for path in (path for path in ROOT.glob("examples/*/in.*") if path.is_file()):
        yield str(path.relative_to(ROOT)), path.read_text()


def test_inputs_that_integrate_set_a_time_step_for_hydrogen():
    """LAMMPS' default of 1 fs in units metal is too long for O-H bonds, and thermo output belongs to outer steps."""
    integrating = [(where, text) for where, text in inputs() if re.search(r"^fix +\S+ +\S+ +n[vp][eth]", text, re.M)]
    assert len(integrating) >= 6
    for where, text in integrating:
        step = re.search(r"^timestep +(\S+)", text, re.M)
        assert step and float(step[1]) <= 0.0005, f"{where}: write timestep 0.0005"
        every, thermo = re.search(r"^pair_style .* every +(\d+)", text, re.M), re.search(r"^thermo +(\d+)", text, re.M)
        assert not (every and thermo) or int(thermo[1]) % int(every[1]) == 0, f"{where}: thermo at multiples of every"


def test_inputs_of_i_pi_step_hydrogen_by_half_a_femtosecond():
    texts = [(name(page), b.text) for page in PAGES for b in blocks(page) if b.language == "xml"]
    texts += [(path.name, path.read_text()) for path in ROOT.glob("examples/*/input.xml")]
    steps = [
        (where, float(step[1]), int((re.search(r"<nmts> *\[1, *(\d+)\]", text) or [0, 1])[1]))
        for where, text in texts
        if (step := re.search(r"<timestep units='femtosecond'> *([\d.]+)", text))
    ]
    assert len(steps) >= 4
    assert all(step / inner <= 0.5 for _, step, inner in steps), steps


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_have_known_languages_and_attributes(page):
    for block in blocks(page):
        assert block.language in RUNNABLE | OTHER, f"line {block.line}: a block of the language {block.language!r}"
        told = {"skip", "file"} & set(block.attributes)
        assert told or block.language not in {"c", "fortran", "rust"}, (
            f"line {block.line}: neither run nor said why not"
        )
    comment = re.search(r"^<!-- .* -->\n```.*$", page.read_text(), re.MULTILINE)
    assert not comment, f"{comment[0]!r}: write attributes after the language of the fence (fences.py)"
    hidden = COMMAND_LINE.search(page.read_text())
    assert not hidden, f"{hidden[0]!r}: put commands between ```sh and ```"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(b.language in RUNNABLE and b.runs for b in blocks(page))],
    ids=name,
)
def test_blocks_of_a_page_run(page, tmp_path):
    for link, place in LINKS.items():
        (tmp_path / link).symlink_to(place)
    # The environment of the README, where a wheel would be.
    (tmp_path / "v/bin").mkdir(parents=True)
    (tmp_path / "v/bin/tumble").symlink_to(TARGET / "release/tumble")
    for file in ("water.xyz", "frames.xyz", "snapshots.xyz"):
        (tmp_path / file).write_text(H2O)
    with ExitStack() as background:
        for block in blocks(page):
            if block.runs:
                run(block, tmp_path, background)
