"""Ranks that exchange messages fail together, with the sentence of the rank that failed, and without a hang."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from altered_models import fragile
from boxes import CORNER, REPORT, model, toy, triclinic, water
from lmp import BIN, LMP, MPIEXEC, PLUGIN, WATER_F64, run, succeed

NOTE = "ranks exchange messages between the {} stages of the model"
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": str(BIN.parent / "lib"), "VIRTUAL_ENV": str(BIN.parent)}

# A cluster, two atoms far from it and from each other, and a place for one more.
APART = CORNER + "create_atoms 1 single 20 20 20\ncreate_atoms 2 single 40 20 20\n"
CLOSE = "create_atoms 2 single 40.2 40 40\n"
FRAGILE = {"nan": "gave NaN in atomic_energies for atom 4 (O)", "failure": "ONNX Runtime failed to run the model"}


def refused(folder, script, ranks):
    """The output of a run that exchanges messages and fails within seconds, with one sentence."""
    start = time.monotonic()
    result = run(folder, script, ranks, timeout=60)
    assert result.code != 0 and time.monotonic() - start < 30
    assert result.output.count("ranks exchange messages") == 1, result.output
    assert result.output.count("ERROR") == 1 and "another rank" not in result.output, result.output
    return result.output


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("kind", FRAGILE)
def test_a_model_that_fails_on_one_rank(tmp_path, kind, ranks):
    """The others wait for its messages."""
    for keywords in ("", "rotate tetrahedral+random memory 1"):
        script = APART + CLOSE + model(fragile(tmp_path, kind), keywords) + REPORT
        assert FRAGILE[kind] in refused(tmp_path, script, ranks)


def test_atoms_that_collide_in_a_run(tmp_path):
    script = APART + model(fragile(tmp_path, "nan")) + "mass * 1e9\nvelocity all set 0 0 0\nset atom 6 x 42 y 40 z 40\n"
    script += "group one id 6\nvelocity one set -10 0 0 units box\nfix 1 all nve\ntimestep 0.01\nthermo 1\nrun 40\n"
    output = refused(tmp_path, script, 2)
    assert FRAGILE["nan"] in output and "\n        15 " in output, output


def test_memory_that_suffices_on_one_rank_only(tmp_path):
    """Of two ranks, one has a few atoms or none."""
    box = water(tmp_path, 4) + "region most block INF INF INF INF 6 INF\ndelete_atoms region most compress no\n"
    script = "processors 1 1 2\n" + box + model(WATER_F64, "rotate tetrahedral memory {}") + "run 0\n"
    output = " ".join(refused(tmp_path, script.format(1), 2).split())
    sentence = "limited to 1 MB, too little for the atoms of a rank that exchanges messages: raise memory to at least"
    found = re.search(f"{sentence} ([0-9]+) MB, or use more ranks or fewer threads", output)
    assert found, output
    succeed(tmp_path, script.format(found[1]), 2)


def leaves(process):
    """The last generation of the processes that a process has started: `lmp` is a script that starts LAMMPS."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [leaf for child in children for leaf in leaves(int(child))] or [process]


def running(process):
    """Whether a process exists and has not ended."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_rank_that_is_killed_ends_all(tmp_path):
    script = water(tmp_path, 3) + model(WATER_F64) + "fix 1 all nve\nthermo 1\nthermo_modify flush yes\nrun 1000000\n"
    (tmp_path / "in.test").write_text(f"plugin load {PLUGIN}\n" + script)
    command = [MPIEXEC, "-n", "2", LMP, "-in", "in.test", "-log", "log"]
    job = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while "\n        20 " not in ((tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""):
            assert job.poll() is None
            time.sleep(0.1)
        ranks = leaves(job.pid)
        assert len(ranks) == 2
        os.kill(ranks[-1], signal.SIGKILL)
        assert job.wait(20) != 0
        time.sleep(0.5)
        assert not any(map(running, ranks))
    finally:
        job.kill()


# Catches the error as programs that drive LAMMPS may do, and continues.
DRIVER = """
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string(open("in.python").read())
first = lmp.get_thermo("pe")
try:
    lmp.commands_string(open("in.fault").read())
except Exception as error:
    sentence = str(error).splitlines()[0]
lmp.commands_string(open("in.cure").read())
if lmp.extract_setting("world_rank") == 0:
    print(sentence, "cured:", abs(lmp.get_thermo("pe") / first - 1) < 1e-12)
lmp.close()
"""
NOT_FINITE = "variable bad atom id*1e308*1e10-id*1e308*1e10\nvelocity lonely set v_bad 0 0 units box\nrun 2 pre no\n"


@pytest.mark.parametrize(
    "fault, sentence",
    [
        (NOT_FINITE, "the position of atom 4 is not finite (NaN)"),
        ("set atom 4 x 20.2 y 20 z 20\nrun 0\n", "gave NaN in atomic_energies for atom"),
    ],
    ids=["before all messages", "after messages"],
)
def test_a_caught_failure_of_one_rank_leaves_all_ready(tmp_path, fault, sentence):
    start = APART + "group lonely id 4\nneigh_modify every 100 delay 100\n" + model(fragile(tmp_path, "nan"))
    start += "fix 1 all nve\ntimestep 1e-9\nvelocity all set 0 0 0\nrun 1\n"
    (tmp_path / "in.python").write_text(f"plugin load {PLUGIN}\n" + start + "run 0\n")
    (tmp_path / "in.fault").write_text(fault)
    (tmp_path / "in.cure").write_text("set atom 4 x 40 y 40 z 40\nvelocity all set 0 0 0\nrun 0\n")
    command = [MPIEXEC, "-n", "2", sys.executable, "-c", DRIVER]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sentence in done.stdout and "cured: True" in done.stdout, done.stdout


GHOSTS = "each rank evaluates its ghosts again, since the model cannot be cut into stages: "


@pytest.mark.parametrize(
    "name, note",
    [
        ("twohop-padded-f64", GHOSTS + "its stages give other results than the whole model"),
        ("twohop-list-f64", GHOSTS + "its tensor centers cannot be computed for a part"),
        ("exported-pet-f64", NOTE.format(5)),
        ("exchange-pooled-f64", NOTE.format(5)),
        ("harmonic-list-f64", None),
    ],
)
def test_the_log_says_once_whether_ranks_exchange_messages(tmp_path, name, note):
    """A model of one hop has no messages."""
    for ranks, keywords in ((1, ""), (2, ""), (2, "exchange no")):
        if name == "exchange-pooled-f64" and keywords:
            continue
        output = succeed(tmp_path, triclinic() + toy(name, keywords) + "run 0\nrun 0\n", ranks).output
        asked = note is not None and ranks > 1 and not keywords
        assert output.count("exchange messages") + output.count(GHOSTS) == asked, output
        assert not asked or note in output


def test_a_keyword_of_another_value(tmp_path):
    result = run(tmp_path, triclinic() + toy("exported-pet-f64", "exchange maybe"), 2, timeout=60)
    assert result.code != 0 and result.output.count('exchange is "maybe": give yes or no') == 1, result.output
