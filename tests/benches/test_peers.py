"""The parts of `make bench` without torch and peers: turns, ratios, targets and the page."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

PEERS = Path(__file__).resolve().parents[2] / "benches/peers"
sys.path.insert(0, str(PEERS))

import published  # noqa: E402
import ratios  # noqa: E402
import runner  # noqa: E402
import targets  # noqa: E402
import write  # noqa: E402

TOY = """
import time

def make(job):
    if job.get("broken"):
        raise SystemExit("has no such model")
    turns = iter(range(10**6))

    def evaluate():
        with open(job["diary"], "a") as diary:
            diary.write(job["name"])
        if next(turns) > job.get("lasts", 10**6):
            raise SystemExit("is worn out")
        return job["seconds"]

    return evaluate, job["energy"]
"""

MACHINE = dict(cpu="Abacus", cores=2, memory_gib=1.0, system="Linux", load=0.0)


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Makes workers that report a given time and record their calls in a diary."""
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(runner, "WORK", tmp_path)

    def make(name, seconds, **more):
        diary = str(tmp_path / "diary")
        job = dict(kind="toy", name=name, seconds=seconds, energy=-1.0, threads=1, diary=diary)
        return runner.Worker(name, job | more)

    make.diary = tmp_path / "diary"
    return make


@pytest.mark.parametrize("fresh", [False, True])
def test_workers_take_turns(toys, fresh):
    found = runner.measure([toys("a", 2.0), toys("b", 1.0)], runner.Plan(4, turn=1.0, fresh=fresh), pytest.fail)
    assert found["times"] == {"a": [2.0] * 4, "b": [1.0] * 4}
    assert found["energies"] == {"a": -1.0, "b": -1.0}
    assert all(1 < megabytes < 1000 for megabytes in found["megabytes"].values())
    assert toys.diary.read_text().endswith("abababab")


def test_short_evaluations_are_repeated_in_a_turn(toys):
    runner.measure([toys("a", 0.01)], runner.Plan(1, turn=0.5), pytest.fail)
    assert len(toys.diary.read_text()) == 1 + 10 + 50


def test_first_evaluations_are_not_counted(toys):
    runner.measure([toys("a", 1.0)], runner.Plan(1, turn=1.0, warm=4), pytest.fail)
    assert len(toys.diary.read_text()) == 4 + 1 + 1


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("flaw, why", [({"broken": True}, "has no such model"), ({"lasts": 2}, "is worn out")])
def test_failed_workers_are_left_out_with_the_reason(toys, fresh, flaw, why):
    said = []
    plan = runner.Plan(5, turn=1.0, fresh=fresh)
    if fresh and "lasts" in flaw:
        flaw = {"lasts": -1}
    found = runner.measure([toys("a", 1.0, **flaw), toys("b", 1.0)], plan, lambda *words: said.append(words))
    assert said == [("a", f"ended with 1: {why}")]
    assert found["times"] == {"b": [1.0] * 5}


def test_worker_is_stopped_after_its_turn(toys):
    """The process is stopped between its turns."""
    one = toys("a", 1.0).start()
    try:
        assert one.take(1) == 1.0
        stopped = os.waitid(os.P_PID, one.process.pid, os.WSTOPPED | os.WEXITED)
        assert stopped.si_code == os.CLD_STOPPED
    finally:
        one.stop()


def test_workers_keep_to_as_many_cores_as_threads(toys):
    one = toys("a", 1.0).start()
    try:
        assert os.sched_getaffinity(one.process.pid) == set(sorted(os.sched_getaffinity(0))[:1])
    finally:
        one.stop()


def test_a_ratio_is_the_median_over_rounds_and_not_the_ratio_of_medians():
    row = dict(times={"a": [1.0, 4.0, 9.0], "b": [1.0, 2.0, 10.0]})
    assert ratios.ratio(row, "a", "b") == 1.0
    assert ratios.seconds(row, "a") == 4.0
    assert ratios.ratio(row, "a", "c") is None


def results():
    """Results of a few parts in the format of bench.py."""
    evaluation = dict(atoms=192, threads=1, energies={}, megabytes={"tumble": 60.0, "metatomic": 600.0})
    evaluation["times"] = {"tumble": [1.05] * 3, "ONNX Runtime, C": [1.0] * 3, "metatomic": [2.0] * 3}
    average = dict(atoms=192, grid="octahedral", evaluations=48, megabytes={}, energies={})
    average["times"] = {"one evaluation": [0.5] * 3, "1 threads": [12.0] * 3, "2 threads": [6.0] * 3}
    said = dict(part="beads", what="atoms 3", who="torch", why="ran away")
    return dict(
        machine=MACHINE,
        versions={"tumble": "1"},
        date="2026-01-01",
        model="water.ckpt",
        quick=False,
        evaluations=[evaluation],
        averages=[average],
        skipped=[said],
    )


def test_targets_are_met_missed_or_not_measured():
    rows = [target.row() for target in targets.targets(results())]
    assert rows[0][1:] == ["≤ 3.0%", "5.0%", "**missed**"]
    assert rows[1][1:] == ["≤ 1", "0.5", "met"]
    assert rows[2][1:] == ["≥ 1.8", "2", "met"]
    assert rows[3][1:] == ["≤ 0.15", "not measured", "not measured"]
    assert next(row for row in rows if "peak memory" in row[0])[1:] == ["≤ 0.3", "0.1", "met"]


def test_growth_is_taken_in_each_round_at_the_better_budget():
    def row(atoms, memory, times):
        return dict(atoms=atoms, memory=memory, times={"tumble": times}, megabytes={"tumble": 100.0}, energies={})

    small = row(192, 2048, [1.0, 2.0, 1.0])
    large = [row(98304, 2048, [900.0] * 3), row(98304, 16384, [512 * 1.1, 512 * 2.4, 512 * 1.1])]
    rows = [target.row() for target in targets.targets(results() | dict(growth=[small, *large]))]
    assert next(row for row in rows if "time per atom, growth" in row[0])[1:] == ["≤ 15.0%", "10.0%", "met"]


def test_the_page_has_machine_tables_and_skipped_workers():
    page = "\n".join(write.page(results()))
    assert "Machine: Abacus, 2 cores, 1.0 GiB, Linux." in page
    assert "| 192 | 1 | 1,050 | 1,000, 0.952 | 2,000, 1.9 |" in page
    assert "| 192 | 1 | 60 | 600 |" in page
    assert "- beads, atoms 3: torch ran away." in page
    assert "not quiet" not in page and "quick" not in page


def test_the_page_warns_of_bad_measurements():
    page = "\n".join(write.page(results() | dict(quick=True, machine=MACHINE | dict(load=2.0))))
    assert "not quiet: its load was 2.0" in page and "A quick run" in page


def forces(scale, error=0.0):
    """Forces with a largest component, one of which is off."""
    found = np.array([[scale, 0.0, -0.5 * scale], [0.0, 0.1 * scale, 0.0]])
    found[1, 0] += error
    return found


def test_small_forces_are_compared_in_electronvolts_and_large_ones_relatively():
    small = published.differences({"torch eager": forces(0.1), "tumble": forces(0.1, 1e-5)})
    large = published.differences({"torch eager": forces(10.0), "tumble": forces(10.0, 1e-4)})
    assert small["tumble"] == pytest.approx(1e-5) and large["tumble"] == pytest.approx(1e-5)
    assert small["torch eager"] == 0.0


def test_forces_of_programs_without_torch_are_not_compared():
    assert published.agreed("water", {"tumble": forces(1.0)}) == {}


@pytest.mark.parametrize("error", [3e-5, np.nan])
def test_differing_forces_are_refused(error):
    found = {"torch eager": forces(1.0), "pet-kokkos": forces(1.0, error)}
    with pytest.raises(published.Disagreement, match="PET XS, water: forces differ .* pet-kokkos by"):
        published.agreed("PET XS, water", found)


def test_a_new_row_takes_the_place_of_the_one_with_the_same_keys():
    kept = [dict(model="S", atoms=3, value=1), dict(model="M", atoms=3, value=2)]
    rows = [dict(model="M", atoms=3, value=3), dict(model="XS", atoms=3, value=4)]
    found = ratios.merged(kept, rows, ("model", "atoms"))
    assert [(row["model"], row["value"]) for row in found] == [("S", 1), ("M", 3), ("XS", 4)]


def options(**more):
    """Options of bench.py."""
    given = dict(models=["xs", "compact"], threads=[1], quick=True, resume=False, measured={})
    return SimpleNamespace(**given | more)


def test_a_resumed_run_leaves_out_rows_with_as_many_rounds():
    first, *others = [key for key, _, _ in published.cases(options(), "published")]
    assert (first["model"], first["structure"], len(others)) == ("PET XS", "H2O", 4)
    for rounds, left in ((3, others), (15, [first, *others])):
        resumed = options(resume=True, measured=dict(published=[first | dict(rounds=rounds)]))
        assert [key for key, _, _ in published.cases(resumed, "published")] == left


def test_only_tumble_runs_the_compact_model():
    named = {
        name: [one.name for one in published.programs(published.MODELS[name], 3, 1, True)] for name in ("s", "compact")
    }
    assert named["s"] == ["tumble", "pet-kokkos", "torch eager", "TorchScript", "torch.compile"]
    assert named["compact"] == ["tumble"]


def test_the_page_has_published_sizes_with_conditions():
    row = dict(model="PET XS", structure="water", atoms=192, threads=1, rounds=3, quick=True)
    row |= dict(date="2026-02-02", tumble="2", cpu="Abacus", load=0.1, megabytes={"tumble": 100.0, "pet-kokkos": 300.0})
    row["times"] = {"tumble": [0.1, 0.2, 0.3], "pet-kokkos": [0.2, 0.5, 0.6]}
    row["apart"] = {"tumble": 1e-6, "torch eager": 0.0}
    average = row | dict(times={"tumble": [1.8], "at its defaults": [42.0]}, rounds=1, quick=False)
    average["rotations"] = {"tumble": 18, "at its defaults": 84}
    page = "\n".join(write.page(results() | dict(published=[row], turned=[average])))
    assert "| PET XS | water | 1 | 3 | 200 (100) | 500 (200), 2 |" in page
    assert "| PET XS | water | 1 | 100 | 300 |" in page
    assert "1.0e-06 of the largest force" in page
    assert "PET XS: measured on 2026-02-02 with tumble 2, on Abacus; quick: 3 rounds of short turns" in page
    assert "| PET XS | water | 1 | 1 | 1,800 (1,800) | 42,000 (42,000), 5 |" in page
