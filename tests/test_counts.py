"""`make instructions`: its sentences about counts of instructions, and its failures."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benches/hot_paths/counts.py"
spec = importlib.util.spec_from_file_location("counts", SCRIPT)
counts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(counts)


def test_changes_of_ten_percent_are_not_reported():
    noted = {"packing": 1000, "reading": 1000}
    assert counts.compare({"packing": 1100, "reading": 900}, noted) == ([], [])


def test_more_instructions_are_a_failure_with_both_counts():
    wrong, better = counts.compare({"packing": 1_234_567}, {"packing": 1_000_000})
    assert wrong == [
        "packing took 1,234,567 instructions where 1,000,000 are noted (+23.5%), and at most +10% is allowed: "
        "run `make instructions-bless` if it is meant"
    ]
    assert better == []


def test_another_compiler_is_reported():
    wrong, _ = counts.compare({"packing": 1200}, {"packing": 1000}, " (counted with rustc 2, noted with rustc 1)")
    assert "at most +10% is allowed (counted with rustc 2, noted with rustc 1): run" in wrong[0]


def test_fewer_instructions_are_a_gain_to_record():
    wrong, better = counts.compare({"packing": 800}, {"packing": 1000})
    assert wrong == []
    assert better == [
        "packing took 800 instructions where 1,000 are noted (-20.0%): run `make instructions-bless` to note the gain"
    ]


def test_units_and_recorded_counts_must_match():
    wrong, better = counts.compare({"packing": 1}, {"reading": 1})
    assert wrong == [
        "packing is not in counts.json: run `make instructions-bless` if it is meant",
        "reading is in counts.json, but no unit of work: run `make instructions-bless` if it is meant",
    ]
    assert better == []


def test_the_recorded_units_match_the_source():
    source = (SCRIPT.parent / "src/lib.rs").read_text()
    noted = json.loads(counts.NOTED.read_text())["counts"]
    assert len(noted) > 5
    for name in noted:
        assert f'("{name}", ' in source


def run(folder, instructions, *options):
    """Runs the script with a counts.json of 1000 instructions, and with a fake valgrind and a fake program."""
    (folder / "counts.py").write_text(SCRIPT.read_text())
    (folder / "counts.json").write_text('{"compiler": "rustc 1", "counts": {"packing": 1000}}')
    tools = {
        "valgrind": f'echo "==1== Collected : {instructions}" >&2',
        "count": "echo packing",
        "rustc": "echo rustc 1",
    }
    for name, line in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    command = [sys.executable, folder / "counts.py", folder / "count", *options]
    paths = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(command, env=os.environ | paths, capture_output=True, text=True)


def test_counts_fail_for_a_larger_count(tmp_path):
    done = run(tmp_path, 1101)
    assert done.returncode == 1
    assert done.stderr.startswith("packing took 1,101 instructions where 1,000 are noted (+10.1%)")
    assert run(tmp_path, 1099).returncode == 0


def test_a_count_of_zero_is_an_error(tmp_path):
    done = run(tmp_path, 0)
    assert done.returncode == 1
    assert done.stderr.startswith("callgrind did not count packing")


def test_accept_records_the_counts(tmp_path):
    assert run(tmp_path, 2000, "--accept").returncode == 0
    assert json.loads((tmp_path / "counts.json").read_text()) == {"compiler": "rustc 1", "counts": {"packing": 2000}}
