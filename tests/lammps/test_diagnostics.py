"""Broken symmetry, cost and noise, as reported by `compute pair` and at the end of a run."""

import math
from statistics import fmean

import numpy as np
import pytest
from boxes import model, toy, triclinic
from lmp import TOYS, assert_close, dump, succeed
from test_reference import command_line, lammps

TWOHOP = TOYS / "twohop-padded-f64.onnx"
HARMONIC = TOYS / "harmonic-padded-f64.onnx"
NAMES = ["energy", "force", "torque", "antisymmetric", "heating", "friction", "evaluations", "model", "pair"]
THERMO = """
compute s all pair tumble
thermo_style custom step vol ke c_s[1] c_s[2] c_s[3] c_s[4] c_s[5] c_s[6] c_s[7] c_s[8] c_s[9]
thermo_modify format float %20.15g
thermo {every}
"""
BAR, KELVIN, MASS = 1.0 / 1.6021765e6, 8.617343e-5, 1.0364269e-4  # of units metal, in eV, Å, ps


def diagnostics(folder, script, tail="run 0\n", ranks=1, every=1):
    """Rows of named entries, and the output."""
    result = succeed(folder, script + THERMO.format(every=every) + tail, ranks)
    rows = [row for row in result.thermo() if "c_s[1]" in row]
    return [{**row, **{name: row[f"c_s[{k}]"] for k, name in enumerate(NAMES, 1)}} for row in rows], result.output


def test_spread_and_torque_equal_those_of_the_command_line(tmp_path):
    script = triclinic() + toy(keywords="rotate octahedral inversion yes")
    *structure, _, _, _ = lammps(tmp_path, script)
    expected = command_line(tmp_path, TWOHOP, *structure, "--rotate", "octahedral", "--inversion")
    (row,), _ = diagnostics(tmp_path, script)
    assert_close(row["energy"], expected["spread"]["energy"], 1e-8)
    assert_close(row["force"], np.sqrt(np.mean(np.square(expected["spread"]["forces"]))), 1e-8)
    torque = np.linalg.norm(expected["torque"])
    assert_close(row["torque"], torque, 1e-6)
    assert_close(row["antisymmetric"], torque / 2 / row["Volume"] / BAR, 1e-6)
    assert row["heating"] == 0 and row["evaluations"] == 48


@pytest.mark.parametrize(
    "keywords", ["rotate tetrahedral", "rotate random:3 seed 2 monitor 1", "rotate random monitor 1"]
)
def test_diagnostics_do_not_depend_on_the_ranks(tmp_path, keywords):
    script, tail = triclinic() + toy(keywords=keywords), "velocity all create 300 7 loop geom\nrun 0\n"
    (one,), _ = diagnostics(tmp_path, script, tail)
    for ranks in (2, 4):
        (row,), _ = diagnostics(tmp_path, script, tail, ranks)
        for name in NAMES[:6]:
            assert math.isnan(row[name] + one[name]) or math.isclose(row[name], one[name], rel_tol=1e-7), name
        assert row["evaluations"] == one["evaluations"]


def test_more_atoms_than_probes(tmp_path):
    """Of 1,408 atoms some are not probes; copies of one box have the same spread of forces and 64 times the torque."""
    script = triclinic() + toy(keywords="rotate tetrahedral")
    (small,), _ = diagnostics(tmp_path, script)
    (large,), _ = diagnostics(tmp_path, script.replace("pair_style", "replicate 4 4 4\npair_style"), ranks=2)
    assert_close([large["energy"], large["torque"]], [64 * small["energy"], 64 * small["torque"]], 1e-8)
    # Samples of atoms: 1,024 of 1,408.
    assert_close(large["force"], small["force"], 0.03)


def test_entries_without_a_measurement_are_nan(tmp_path):
    (row,), output = diagnostics(tmp_path, triclinic() + toy(keywords="rotate random"))
    for name in ("energy", "force", "heating", "friction"):
        assert math.isnan(row[name])
    assert "energy spread" not in output and "heating" not in output
    assert row["torque"] > 0


def test_monitor_measures_every_n_steps_and_keeps_the_last_value(tmp_path):
    tail = "fix 1 all nve\ntimestep 0.0001\nrun 7\n"
    rows, output = diagnostics(tmp_path, triclinic() + toy(keywords="rotate random monitor 3"), tail)
    for name in ("energy", "force"):
        values = [row[name] for row in rows]
        assert values[0] == values[1] == values[2] != values[3] == values[4] == values[5] != values[6]
    # One a step, and at three of eight steps twelve for the spread and two for the noise.
    assert rows[-1]["evaluations"] == 8 + 3 * 14
    for row in rows:
        assert 0 < row["model"] < row["pair"]
    for what in (
        "50 evaluations in 8 force calls (6.25 each)",
        "energy spread",
        "heating by noise, K/ps",
        "balanced by damp",
    ):
        assert output.count(what) == 1


def test_the_survey_is_an_average_over_a_grid(tmp_path):
    """Over a turned tetrahedral grid, the spread of a model with ℓ up to 5 is a little below that over all."""
    spreads = []
    for seed in range(1, 9):
        (row,), _ = diagnostics(tmp_path, triclinic() + model(HARMONIC, f"rotate random monitor 1 seed {seed}"))
        spreads.append(row["force"])
    (row,), _ = diagnostics(tmp_path, triclinic() + model(HARMONIC, "rotate degree:8"))
    assert_close(fmean(spreads), row["force"], 0.2)


HELD = "fix 1 all store/force\nfix 2 all setforce 0 0 0\ncompute p all property/atom mass\n"
HELD += (
    "dump 1 all custom 1 held.dump id c_p f_1[1] f_1[2] f_1[3]\ndump_modify 1 sort id format float %20.15g\nrun 200\n"
)


@pytest.mark.parametrize("rotate", ["random", "random:2", "random inversion yes", "tetrahedral+random"])
def test_the_heating_equals_that_of_the_scatter_of_forces(tmp_path, rotate):
    script = triclinic() + toy(keywords=f"rotate {rotate} seed 4 monitor 1")
    rows, _ = diagnostics(tmp_path, script, "timestep 0.0005\n" + HELD, every=200)
    frames = dump(tmp_path / "held.dump")
    forces = np.array([[frame[f"f_1[{k}]"] for k in (1, 2, 3)] for frame in frames])
    power = (forces.var(axis=0, ddof=1).sum(axis=0) / (2 * MASS * np.array(frames[0]["c_p"]))).mean() * 0.0005
    assert_close(rows[-1]["heating"], power / (1.5 * KELVIN), 0.1)


def test_heating_is_proportional_to_every(tmp_path):
    once, often = (
        diagnostics(tmp_path, triclinic() + toy(keywords=f"rotate random monitor 4 every {every}"))[0][0]["heating"]
        for every in (1, 4)
    )
    assert_close(often, 4 * once, 1e-12)


def test_atoms_at_rest_are_heated_as_predicted(tmp_path):
    """From the minimum of the mean potential, and for much less than a vibration, only the noise moves atoms."""
    start = triclinic() + model(TOYS / "pair-padded-f64.onnx") + "minimize 0 1e-8 2000 4000\nreset_timestep 0\n"
    tail, ratios = "fix 1 all nve\ntimestep 0.0001\nrun 20\n", []
    for seed in range(1, 9):
        rows, _ = diagnostics(tmp_path, start + model(HARMONIC, f"rotate random seed {seed} monitor 1"), tail, every=20)
        last = rows[-1]
        kinetic = 1.5 * 22 * KELVIN * last["heating"] * 20 * 0.0001
        ratios.append(last["KinEng"] / kinetic)
    assert abs(fmean(ratios) - 1) < 0.15


def test_friction_balances_the_noise(tmp_path):
    tail = "velocity all create 300 7\nrun 0\n"
    (row,), _ = diagnostics(tmp_path, triclinic() + toy(keywords="rotate random monitor 1"), tail)
    temperature = row["KinEng"] / (1.5 * 22 * KELVIN)
    assert_close(row["friction"], 2 * temperature / row["heating"], 1e-6)
