"""What fix pair tells of each atom: its spread over the rotations, and its uncertainty by the ensemble of the model."""

import re

import numpy as np
import pytest
from boxes import CORNER, toy, triclinic
from lmp import TOYS, assert_close, dump, run, succeed
from pairs import LATTICE, Pairs
from test_reference import command_line

MODEL = "ensemble-list-f64"
# Of a sample of four, MEMBERS in tests/data/generate.py: a member adds so much of the energy of the pairs.
DEVIATION = np.std([-0.03, -0.01, 0.01, 0.03], ddof=1)
KCAL = 23.060548  # of one eV

# Spread first, then uncertainty; `flag` triggers an evaluation that knows them.
FIX = """
fix u all pair 1 tumble spread {flag} uncertainty {flag}
dump 1 all custom 1 u.dump id type x y z f_u[1] f_u[2]
dump_modify 1 sort id format float %20.15g
"""
DYNAMICS = """
velocity all create 300 12
timestep 0.0005
fix 1 all nve
thermo 1
run {steps}
"""


def frames(folder, script, ranks=1, flag=0, steps=0):
    """Spreads and uncertainties of the frames of a run, as they are dumped."""
    succeed(folder, script + FIX.format(flag=flag) + DYNAMICS.format(steps=steps), ranks)
    return dump(folder / "u.dump")


def positions(frame):
    """Of a frame [N, 3]."""
    return np.array([frame[axis] for axis in "xyz"]).T


def expected_uncertainties(frame):
    """Of each atom, eV."""
    return DEVIATION * np.abs(Pairs(positions(frame), frame["type"]).energies())


def expected_spreads(folder, frame, *options):
    """Of each atom, eV, by the command line."""
    types = [int(kind) for kind in frame["type"]]
    result = command_line(folder, TOYS / f"{MODEL}.onnx", positions(frame), LATTICE, types, *options)
    return result["spread"]["atomic_energies"]


@pytest.mark.parametrize("name, rotate", [(MODEL, "octahedral"), ("ensemble-padded-f64", "random:3")])
def test_spread_and_uncertainty(tmp_path, name, rotate):
    script = triclinic() + toy(name, f"rotate {rotate} inversion yes seed 4")
    for ranks in (1, 2):
        (frame,) = frames(tmp_path, script, ranks)
        spreads = expected_spreads(tmp_path, frame, "--rotate", rotate, "--inversion", "--seed", "4")
        assert_close(frame["f_u[1]"], spreads, 1e-10)
        assert_close(frame["f_u[2]"], expected_uncertainties(frame), 1e-10)


@pytest.mark.parametrize("rotate", ["none", "random inversion yes"])
def test_spread_of_one_replica_or_two_is_nan(tmp_path, rotate):
    """A structure and its inversion tell nothing of rotations; the ensemble is there all the same."""
    (frame,) = frames(tmp_path, triclinic() + toy(MODEL, f"rotate {rotate}"))
    assert np.isnan(frame["f_u[1]"]).all()
    assert_close(frame["f_u[2]"], expected_uncertainties(frame), 1e-10)


def test_a_monitor_measures_the_spread_of_the_bare_model(tmp_path):
    script = triclinic() + toy(MODEL, "rotate none monitor 1")
    (one,), (two,) = (frames(tmp_path, script, ranks) for ranks in (1, 2))
    assert_close(two["f_u[1]"], one["f_u[1]"], 1e-10)
    # Twelve rotations, turned at random, or sixty: the same, but for the accuracy of so small a grid.
    ratio = np.linalg.norm(one["f_u[1]"]) / np.linalg.norm(expected_spreads(tmp_path, one, "--rotate", "icosahedral"))
    assert 0.8 < ratio < 1.25


def test_a_rank_without_atoms(tmp_path):
    start = CORNER.replace("40 40 40", "20 20 20")
    pair = toy(MODEL, "rotate octahedral")
    (one,) = frames(tmp_path, start + pair)
    (two,) = frames(tmp_path, "processors 2 1 1\n" + start + pair, 2)
    for column in ("f_u[1]", "f_u[2]"):
        assert_close(two[column], one[column], 1e-10)
        assert two[column][3] == 0.0


def test_blocks(tmp_path):
    """The memory does for a part of the edges only."""
    script = triclinic() + "replicate 2 2 1\n"
    pairs = (toy(MODEL, f"rotate tetrahedral {keywords}") for keywords in ("", "memory 1"))
    (whole,), (cut,) = (frames(tmp_path, script + pair) for pair in pairs)
    for column in ("f_u[1]", "f_u[2]"):
        assert_close(cut[column], whole[column], 1e-10)


def test_units_real(tmp_path):
    (metal,) = frames(tmp_path, triclinic() + toy(MODEL, "rotate octahedral"))
    (real,) = frames(tmp_path, triclinic().replace("units metal", "units real") + toy(MODEL, "rotate octahedral"))
    for column in ("f_u[1]", "f_u[2]"):
        assert_close(real[column], KCAL * np.array(metal[column]), 1e-6)


EVERY = "rotate octahedral every 4"


def test_a_trigger_makes_them_known_at_every_step(tmp_path):
    """And does not change the forces, nor do the ranks."""
    script = triclinic() + toy(MODEL, EVERY)
    asked, unasked = frames(tmp_path, script, 1, 1, 5), frames(tmp_path, script, 2, 0, 5)
    for known, frame in zip(asked, unasked, strict=True):
        assert_close(positions(frame), positions(known), 1e-11)
        assert_close(known["f_u[2]"], expected_uncertainties(known), 1e-9)
        # LAMMPS asks for the energy of each step that it dumps, so that the average is known without a trigger too.
        assert_close(frame["f_u[1]"], known["f_u[1]"], 1e-9)
    for step in (3, 4):
        spreads = expected_spreads(tmp_path, asked[step], "--rotate", "octahedral")
        assert_close(asked[step]["f_u[1]"], spreads, 1e-9)


WARNING = re.compile(r"at step (\d+) the ensemble disagrees by (\S+) on the energy of atom (\d+), more than")
SUMMARY = re.compile(r"uncertain force calls +(\d+)")
STEPS = 6


def watched(folder, threshold, runs=1, ranks=1):
    """Output of dynamics with the keyword, in one run or several."""
    script = triclinic() + toy(MODEL, f"uncertainty {threshold:.10g}") + DYNAMICS.format(steps=STEPS)
    return succeed(folder, script + f"run {STEPS}\n" * (runs - 1), ranks).output


def test_the_warning_names_the_first_step_and_the_worst_atom(tmp_path):
    found = frames(tmp_path, triclinic() + toy(MODEL), steps=STEPS)
    uncertainties = np.array([expected_uncertainties(frame) for frame in found])
    largest = uncertainties.max(axis=1)
    threshold = np.sort(largest)[STEPS // 2 : STEPS // 2 + 2].mean()
    above = np.flatnonzero(largest > threshold)
    assert 0 < len(above) <= STEPS
    output = watched(tmp_path, threshold, ranks=2)
    ((step, value, atom),) = WARNING.findall(output)
    assert (int(step), int(atom)) == (above[0], uncertainties[above[0]].argmax() + 1)
    assert float(value) == pytest.approx(largest[above[0]], rel=1e-3)
    assert SUMMARY.findall(output) == [str(len(above))]


def test_each_run_has_its_warning(tmp_path):
    output = watched(tmp_path, 1e-6, runs=2)
    assert [int(step) for step, _, _ in WARNING.findall(output)] == [0, STEPS]
    # The second run begins with the step at which the first one ended.
    assert SUMMARY.findall(output) == 2 * [str(STEPS + 1)]


def test_agreeing_ensemble_brings_no_warning(tmp_path):
    output = watched(tmp_path, 1e3)
    assert not WARNING.search(output) and not SUMMARY.search(output)


def test_a_model_without_an_ensemble(tmp_path):
    start = triclinic() + toy("harmonic-list-f64", "uncertainty 0.1")
    result = run(tmp_path, start + "run 0\n", 2, timeout=60)
    assert result.code != 0
    sentence = "uncertainty is 0.1, but the model has no ensemble: remove the keyword"
    assert result.output.count(sentence) == 1, result.output


def test_a_fix_that_asks_a_model_without_an_ensemble(tmp_path):
    start = triclinic() + toy("harmonic-list-f64") + "fix u all pair 1 tumble uncertainty 0\nrun 0\n"
    result = run(tmp_path, start, 2, timeout=60)
    assert result.code != 0
    sentence = "fix pair asks for the uncertainty, but the model has no ensemble: remove the fix"
    assert result.output.count(sentence) == 1, result.output
