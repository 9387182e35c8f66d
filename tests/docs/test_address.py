"""All files have the address of the repository in Cargo.toml, and one script changes it everywhere."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from fences import ROOT

SCRIPT = ROOT / "scripts/address.py"
spec = importlib.util.spec_from_file_location("address", SCRIPT)
address = importlib.util.module_from_spec(spec)
spec.loader.exec_module(address)
URL = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["repository"]
DOCUMENTATION, ISSUES = f"{URL}/tree/main/docs", f"{URL}/issues"


def test_the_script_reads_the_definition():
    assert address.defined() == URL


def test_cargo_and_the_wheel_have_the_same_addresses():
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    assert (package["homepage"], package["documentation"]) == (URL, DOCUMENTATION)
    for project in ("tumble-md", "tumble-export"):
        urls = tomllib.loads((ROOT / "python" / project / "pyproject.toml").read_text())["project"]["urls"]
        assert urls == {"Repository": URL, "Documentation": DOCUMENTATION, "Issues": ISSUES}


def test_the_citation_has_the_address():
    fields = dict(re.findall(r"^(repository-code|url): \"(.+)\"$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE))
    assert fields == {"repository-code": URL, "url": URL}


@pytest.mark.parametrize(
    ("page", "addresses"),
    [("README.md", [URL, DOCUMENTATION, ISSUES]), ("docs/cite.md", [URL])],
)
def test_pages_have_the_address(page, addresses):
    found = re.findall(r"(?<=[<{(])https://[^>})]+", (ROOT / page).read_text())
    assert set(addresses) <= set(found)


def test_script_changes_all_files(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "Cargo.toml").write_text('repository = "https://old.example/x"\n')
    (tmp_path / "page.md").write_text(
        "<https://old.example/x/issues>, <https://old.example/x-models>, https://old.example/x.\n"
    )
    (tmp_path / "untracked.md").write_text("https://old.example/x\n")
    for words in (["init", "--quiet"], ["add", "Cargo.toml", "page.md"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    script = [sys.executable, tmp_path / "scripts/address.py"]
    subprocess.run([*script, "https://new.example/y/z"], check=True)
    assert (tmp_path / "Cargo.toml").read_text() == 'repository = "https://new.example/y/z"\n'
    changed = "<https://new.example/y/z/issues>, <https://old.example/x-models>, https://new.example/y/z.\n"
    assert (tmp_path / "page.md").read_text() == changed
    assert (tmp_path / "untracked.md").read_text() == "https://old.example/x\n"
    for wrong in ("new.example/y", "https://new.example/y/", "https://new.example"):
        done = subprocess.run([*script, wrong], capture_output=True, text=True)
        assert done.returncode == 1 and "is not of the form https://HOST/PATH" in done.stderr
