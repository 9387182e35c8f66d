"""Committees in LAMMPS: means and deviations of several models, on any number of ranks, with multiple time stepping."""

import numpy as np
import pytest
from boxes import CORNER, triclinic, water
from lmp import TOYS, assert_close, dump, run, succeed

MODELS = ("harmonic-list-f64", "pair-padded-f64", "twohop-list-f64")
EXCHANGING = ("exchange-neighbors-f64", "exchange-nearest-f64")
DIRECT = ("direct-list-f64", "stressed-padded-f64")
KCAL = 23.060548  # of one eV

# `deviation` are the energy deviation and the largest force deviation, entries 11 and 12 of compute pair.
OUTPUT = """
compute p all pair tumble
thermo_style custom step pe pxx pyy pzz c_p[11] c_p[12]
thermo_modify format float %20.15g
thermo 1
fix d all pair 1 tumble force_deviation {flag}
dump 1 all custom 1 d.dump id x y z fx fy fz f_d
dump_modify 1 sort id format float %20.15g
velocity all create 300 12
timestep 0.0005
fix 1 all nve
run {steps}
"""
PLAIN = """
velocity all create 300 12
thermo_style custom step pe pxx pyy pzz
thermo_modify format float %20.15g
dump 1 all custom 1 d.dump id x y z fx fy fz
dump_modify 1 sort id format float %20.15g
run 0
"""


def pair(models, keywords=""):
    """The pair style with a committee for O and H."""
    files = " ".join(str(TOYS / f"{name}.onnx") for name in models)
    return f"pair_style tumble {keywords}\npair_coeff * * {files} O H\n"


def forces(frame):
    """Forces of a frame [N, 3]."""
    return np.array([frame[axis] for axis in ("fx", "fy", "fz")]).T


def committee(folder, script, ranks=1, flag=0, steps=0):
    """Rows of the thermo table and frames of a run."""
    result = succeed(folder, script + OUTPUT.format(flag=flag, steps=steps), ranks)
    return result.thermo(), dump(folder / "d.dump")


def alone(folder, script):
    """Energy, pressure [3] and forces [N, 3] of a single model."""
    row = succeed(folder, script + PLAIN).thermo()[0]
    return row["PotEng"], [row[name] for name in ("Pxx", "Pyy", "Pzz")], forces(dump(folder / "d.dump")[0])


def deviations(members):
    """DeePMD-kit's deviation of the force on each atom, from forces [M, N, 3]."""
    return np.linalg.norm(np.std(members, axis=0), axis=1)


@pytest.mark.parametrize("models, keywords", [(MODELS, ""), (MODELS, "rotate octahedral"), (DIRECT, "forces direct")])
def test_means_and_deviations_of_the_models(tmp_path, models, keywords):
    members = [alone(tmp_path, triclinic() + pair([name], keywords)) for name in models]
    energies, pressures, member_forces = (np.array(column) for column in zip(*members, strict=True))
    for ranks in (1, 2, 3):
        (row,), (frame,) = committee(tmp_path, triclinic() + pair(models, keywords), ranks)
        assert row["PotEng"] == pytest.approx(energies.mean(), rel=1e-10)
        assert_close(forces(frame), member_forces.mean(axis=0), 1e-10)
        if "direct" not in keywords:
            assert_close([row[name] for name in ("Pxx", "Pyy", "Pzz")], pressures.mean(axis=0), 1e-8)
        assert_close(frame["f_d"], deviations(member_forces), 1e-10)
        assert row["c_p[11]"] == pytest.approx(energies.std(ddof=1), rel=1e-9)
        assert row["c_p[12]"] == pytest.approx(deviations(member_forces).max(), rel=1e-10)


@pytest.mark.parametrize("keywords", ["", "exchange no"])
def test_ranks_that_exchange_messages(tmp_path, keywords):
    """All ranks evaluate the models in the same order, so that their messages meet."""
    script = water(tmp_path, 2) + pair(EXCHANGING, f"rotate tetrahedral {keywords}")
    (known,), (expected,) = committee(tmp_path, script)
    for ranks in (2, 3):
        (row,), (frame,) = committee(tmp_path, script, ranks)
        assert row["PotEng"] == pytest.approx(known["PotEng"], rel=1e-10)
        assert_close(forces(frame), forces(expected), 1e-10)
        assert_close(frame["f_d"], expected["f_d"], 1e-10)
        assert row["c_p[12]"] == pytest.approx(known["c_p[12]"], rel=1e-10)


def test_a_rank_without_atoms(tmp_path):
    script = CORNER.replace("40 40 40", "20 20 20") + pair(MODELS[:2])
    (known,), (expected,) = committee(tmp_path, script)
    (row,), (frame,) = committee(tmp_path, "processors 2 1 1\n" + script, 2)
    assert_close(frame["f_d"], expected["f_d"], 1e-10)
    assert row["c_p[11]"] == pytest.approx(known["c_p[11]"], rel=1e-9)


def test_multiple_time_stepping(tmp_path):
    """The deviations are those of the averaged forces, at inner steps too, and change no trajectory."""
    steps = 5
    script = triclinic() + pair(MODELS, "rotate octahedral every 4")
    _, asked = committee(tmp_path, script, 1, 1, steps)
    _, frames = committee(tmp_path, script, 2, 0, steps)
    for known, frame in zip(asked, frames, strict=True):
        assert_close(frame["x"], known["x"], 1e-11)
        assert_close(frame["f_d"], known["f_d"], 1e-9)
    for step in (3, 4):
        moved = "".join(
            f"set atom {i + 1} x {x:.15g} y {y:.15g} z {z:.15g}\n"
            for i, (x, y, z) in enumerate(zip(*(asked[step][axis] for axis in "xyz"), strict=True))
        )
        (_,), (frame,) = committee(tmp_path, triclinic() + moved + pair(MODELS, "rotate octahedral"))
        assert_close(asked[step]["f_d"], frame["f_d"], 1e-8)


def test_without_a_trigger_there_are_no_values_between_outputs(tmp_path):
    output = OUTPUT.replace("thermo 1\n", "thermo 100\n").replace("dump 1 all custom 1 ", "dump 1 all custom 4 ")
    output = output.replace("fix d all pair 1", "fix d all pair 3")
    for flag, known in ((0, False), (1, True)):
        script = triclinic() + pair(MODELS) + output.format(flag=flag, steps=4)
        succeed(tmp_path, script, 2)
        # The values of step 4 are those that the fix has stored at step 3.
        assert np.isfinite(dump(tmp_path / "d.dump")[1]["f_d"]).all() == known


def test_units_and_scale(tmp_path):
    (metal,), (frame,) = committee(tmp_path, triclinic() + pair(MODELS))
    script = triclinic().replace("units metal", "units real") + pair(MODELS)
    (real,), (found,) = committee(tmp_path, script)
    assert_close(found["f_d"], KCAL * np.array(frame["f_d"]), 1e-6)
    assert real["c_p[11]"] == pytest.approx(KCAL * metal["c_p[11]"], rel=1e-6)


def test_negative_scale_leaves_deviations_positive(tmp_path):
    """So that `fix halt` sees them."""
    adapt = "variable w equal -0.5\nfix w all adapt 1 pair tumble scale * * v_w\n"
    (known,), (expected,) = committee(tmp_path, triclinic() + pair(MODELS))
    (row,), (frame,) = committee(tmp_path, triclinic() + pair(MODELS) + adapt, 2)
    assert_close(frame["f_d"], 0.5 * np.array(expected["f_d"]), 1e-10)
    for entry in ("c_p[11]", "c_p[12]"):
        assert row[entry] == pytest.approx(0.5 * known[entry], rel=1e-10)


def test_hybrid_overlay(tmp_path):
    """The hybrid style has to know the size of the messages before the models are."""
    (known,), (expected,) = committee(tmp_path, triclinic() + pair(MODELS))
    files = " ".join(str(TOYS / f"{name}.onnx") for name in MODELS)
    hybrid = f"pair_style hybrid/overlay tumble zero 3.0\npair_coeff * * tumble {files} O H\npair_coeff * * zero\n"
    for ranks in (1, 2):
        (row,), (frame,) = committee(tmp_path, triclinic() + hybrid, ranks)
        assert_close(frame["f_d"], expected["f_d"], 1e-10)
        assert row["c_p[12]"] == pytest.approx(known["c_p[12]"], rel=1e-10)


def test_the_log_names_all_models(tmp_path):
    output = succeed(tmp_path, triclinic() + pair(MODELS) + "run 0\n").output
    assert "committee of 3: harmonic, pair, twohop" in output
    assert output.count("sha256 ") == 3 and "largest force deviation" in output


def test_fix_halt_at_a_threshold(tmp_path):
    rows, _ = committee(tmp_path, triclinic() + pair(MODELS), steps=6)
    largest = [row["c_p[12]"] for row in rows]
    threshold = np.sort(largest)[3]
    first = next(step for step, value in enumerate(largest) if value >= threshold)
    halt = f"variable d equal c_p[12]\nfix h all halt 1 v_d >= {threshold:.15g} error continue\nrun 6"
    script = triclinic() + pair(MODELS) + OUTPUT.format(flag=0, steps=6).replace("run 6", halt)
    assert succeed(tmp_path, script).thermo()[-1]["Step"] == max(first, 1)


@pytest.mark.parametrize(
    "files, more, sentence",
    [
        (MODELS[:1] * 2, "O H", "are the same model: give each model of a committee once"),
        ((MODELS[0], "direct-list-f64"), "O H", 'the model "direct" does not fit into the committee: it offers direct'),
        ((MODELS[0], "ensemble-list-f64"), "O H", "it is an ensemble itself: give models with one energy each"),
        (MODELS, f"sha256 {64 * 'a'} O H", "is the hash of one model, but 3 are given: leave it out"),
        (MODELS, "O", "pair_coeff names 1 element(s) but there are 2 atom type(s)"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path, files, more, sentence):
    paths = " ".join(str(TOYS / f"{name}.onnx") for name in files)
    result = run(tmp_path, triclinic() + f"pair_style tumble\npair_coeff * * {paths} {more}\nrun 0\n", 2, timeout=60)
    assert result.code != 0
    assert result.output.count(sentence) == 1, result.output


def test_a_fix_with_a_single_model(tmp_path):
    script = triclinic() + pair(MODELS[:1]) + "fix u all pair 1 tumble force_deviation 0\nrun 0\n"
    result = run(tmp_path, script, 2, timeout=60)
    assert result.code != 0
    sentence = "fix pair asks for the force deviation of a committee, but pair_coeff has one model"
    assert result.output.count(sentence) == 1, result.output


def test_a_single_model_has_no_deviations(tmp_path):
    script = triclinic() + pair(MODELS[:1]) + "compute p all pair tumble\nthermo_style custom step c_p[12]\nrun 0\n"
    assert np.isnan(succeed(tmp_path, script).thermo()[0]["c_p[12]"])
