"""The page of `tumble check --report` in a browser: light, dark, and on a narrow screen."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
MODEL = ROOT / "tests/data/models/harmonic-padded-f64.onnx"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --allow-file-access-from-files"
).split()
SCHEMES = {"dark": 0, "light": 1}
PAPER = {"dark": "rgb(20, 24, 27)", "light": "rgb(251, 251, 249)"}

needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: install the Debian package chromium")

# Writes the appearance of the page in a frame of some width into the title.
PROBE = """<iframe src="report.html" style="width: {width}px; height: 800px; border: 0"></iframe><script>
onload = () => {{
  const page = frames[0].document;
  const texts = [...page.querySelectorAll("svg text")];
  document.title = JSON.stringify({{
    scheme: frames[0].getComputedStyle(page.body).backgroundColor,
    ink: frames[0].getComputedStyle(texts[0]).fill,
    body: frames[0].getComputedStyle(page.body).color,
    width: page.documentElement.scrollWidth,
    smallest: Math.min(...texts.map((text) => text.getBoundingClientRect().height)),
    figures: [...page.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect().width),
    scrolling: [...page.querySelectorAll(".table")].some((table) => table.scrollWidth > table.clientWidth),
  }});
}};
</script>"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A folder with the report on a molecule."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "water.xyz").write_text("3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n")
    command = [TUMBLE, "check", MODEL, "water.xyz", "--report", "report.html"]
    command += ["--reference", "degree:8", "--orientations", "1"]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder


def browse(folder, page, scheme, *flags):
    """Standard output of the browser on a page of the folder."""
    settings = [f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", f"--user-data-dir={folder / 'profile'}"]
    command = [BROWSER, *FLAGS, *settings, *flags, (folder / page).as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def look(folder, scheme, width):
    """Properties of the report in a frame of this width."""
    (folder / "probe.html").write_text(PROBE.format(width=width))
    title = re.search("<title>(.*?)</title>", browse(folder, "probe.html", scheme, "--dump-dom"))
    return json.loads(title[1].replace("&quot;", '"'))


def test_the_page_needs_nothing_else(report):
    page = (report / "report.html").read_text()
    for other in ("http", "<script", "<link", "<img", "@import", "url(", "src="):
        assert other not in page, other
    for part in ("<title>", 'name="viewport"', "prefers-color-scheme: dark", "pair_style tumble rotate", "sha256"):
        assert part in page, part
    assert page.count("<svg") == 6
    # All placeholders of colors are replaced.
    assert not re.search(r"#(010203|040506|070809|0A0B0C|0D0E0F|101112)", page)


@needs_browser
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1000])
def test_report_fits_and_follows_the_scheme(report, scheme, width):
    seen = look(report, scheme, width)
    assert seen["scheme"] == PAPER[scheme]
    assert seen["ink"] == seen["body"], "text of figures has the color of the page's"
    assert seen["width"] <= width, "nothing but tables and commands may be wider than the screen"
    assert len(seen["figures"]) == 6 and all(200 < figure <= width for figure in seen["figures"])
    assert seen["smallest"] > 9, "text of figures is still readable"
    assert seen["scrolling"] or width > 360


@needs_browser
def test_pictures_of_light_and_dark_differ(report):
    sizes = {}
    for scheme in SCHEMES:
        browse(report, "report.html", scheme, "--window-size=1000,3000", f"--screenshot={report / scheme}.png")
        sizes[scheme] = (report / f"{scheme}.png").read_bytes()
        assert len(sizes[scheme]) > 50_000
    assert sizes["light"] != sizes["dark"]
