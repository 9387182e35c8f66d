"""`make` with missing tools: one sentence that names the packages."""

import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[1] / "scripts/check-tools.sh"
FINE = {
    "git": "exit 0",
    "make": "exit 0",
    "g++": "exit 0",
    "python3": "exit 0",
    "cargo": "echo 'cargo 1.99.0 (0123abc 2026-01-01)'",
}
NO_VENV = 'case "$2" in *ensurepip*) exit 1 ;; esac'
OLD_PYTHON = 'case "$*" in --version) echo "Python 3.9.2" ;; *version_info*) exit 1 ;; esac'


def check(folder, tools):
    """Exit code and output of the check with only these tools (names, with a line of shell each)."""
    for name, line in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(["/bin/sh", CHECK], env={"PATH": str(folder)}, cwd=folder, capture_output=True, text=True)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_check_is_silent_with_all_tools(tmp_path):
    assert check(tmp_path, FINE) == (0, "")


def test_missing_tools_are_in_one_sentence(tmp_path):
    code, words = check(tmp_path, {})
    assert code == 1
    assert words.count("\n") == 1 and words.endswith(".\n")
    for name in ("git", "make", "g++", "python3", "python3-venv", "rustup"):
        assert name in words


@pytest.mark.parametrize("tool", ["git", "make", "g++"])
def test_a_missing_tool_is_named_with_its_package(tmp_path, tool):
    code, words = check(tmp_path, {name: line for name, line in FINE.items() if name != tool})
    assert (code, words) == (
        1,
        f"tumble cannot be built here before this is installed: {tool} (Debian package {tool}).\n",
    )


@pytest.mark.parametrize(
    ("tool", "line", "expected"),
    [
        ("python3", NO_VENV, "the venv module of python3 (Debian package python3-venv)"),
        ("python3", OLD_PYTHON, "Python 3.11 or later"),
        ("cargo", "echo 'cargo 1.66.0'", "here is cargo 1.66.0"),
        ("cargo", "echo 'cargo 0.66.0'", "here is cargo 0.66.0"),
    ],
)
def test_old_or_incomplete_tools_are_named(tmp_path, tool, line, expected):
    code, words = check(tmp_path, {**FINE, tool: line})
    assert code == 1 and words.count("\n") == 1 and expected in words
