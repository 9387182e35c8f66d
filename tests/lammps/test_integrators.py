"""Thermostats, barostats, multiple time steps, deformation, held atoms and neighbor settings."""

import math

import pytest
from boxes import toy, triclinic, water
from lmp import assert_close, succeed
from states import MOVE, assert_all_same, assert_same, finals, moving

RANDOM = toy(keywords="rotate random seed 5")
BARE = toy()
BAR = 6.241509074e-7  # eV/Å^3, LAMMPS' own
DIGITS = "thermo_modify format float %20.15g\nthermo 1\n"


def rows_of_last_run(result):
    """Thermo rows since the last step 0."""
    rows = result.thermo()
    return rows[max(k for k, row in enumerate(rows) if row["Step"] == 0) :]


def relaxed(pair):
    """The skewed box at a minimum of its energy, at 300 K."""
    start = (
        triclinic() + pair + "minimize 0 1e-2 200 400\nreset_timestep 0\nvelocity all create 300 7 mom yes rot yes\n"
    )
    return start + "thermo_style custom step etotal econserve temp vol\n" + DIGITS


@pytest.mark.parametrize(
    "pair, ensemble",
    [
        (toy("pair-list-f64"), "nvt temp 300 300 0.02"),
        (toy("pair-list-f64"), "npt temp 300 300 0.02 aniso -38000 -38000 0.1"),
        (toy("pair-list-f64"), "npt temp 300 300 0.02 tri -38000 -38000 0.1"),
        (toy("harmonic-list-f64", "rotate tetrahedral"), "npt temp 300 300 0.02 iso -36000 -36000 0.1"),
    ],
)
def test_conserved_quantity_of_a_thermostat(tmp_path, pair, ensemble):
    result = succeed(tmp_path, relaxed(pair) + f"timestep 0.0005\nfix 1 all {ensemble}\nrun 100\n")
    rows = rows_of_last_run(result)
    conserved, total = ([row[name] for row in rows] for name in ("Econserve", "TotEng"))
    assert ("npt" in ensemble) == (rows[-1]["Volume"] != rows[0]["Volume"])
    assert max(conserved) - min(conserved) < 0.02 * (max(total) - min(total))


def test_the_total_energy_oscillates_with_the_square_of_the_time_step(tmp_path):
    """A property of velocity Verlet with forces that are derivatives of the energy, for small time steps."""
    swings = []
    for steps in (160, 320):
        script = relaxed(BARE) + f"timestep {0.01 / steps}\nfix 1 all nve\nrun {steps}\n"
        energies = [row["TotEng"] for row in rows_of_last_run(succeed(tmp_path, script))]
        swings.append(max(energies) - min(energies))
    assert 3.6 < swings[0] / swings[1] < 4.4


@pytest.mark.parametrize("ranks", [1, 2])
def test_respa_on_one_level_is_velocity_verlet(tmp_path, ranks):
    styles = ["verlet", "respa 2 1 pair 2", "respa 2 2 pair 2", "respa 3 2 4 pair 3"]
    scripts = [moving(RANDOM) + f"run_style {style}\nrun 10\n" for style in styles]
    verlet, *others = finals(tmp_path, *scripts, ranks=ranks)
    assert_all_same(others, verlet, styles[1:], 1e-11)


def test_respa_with_the_pair_style_on_the_inner_level(tmp_path):
    inner = moving(BARE) + "run_style respa 2 2 pair 1\ntimestep 0.001\nrun 5\n"
    half, whole = finals(tmp_path, inner, moving(BARE) + "run 10\n")
    half.step *= 2
    assert_same(half, whole, 1e-11)


@pytest.mark.parametrize("axis", ["z"])
def test_the_work_of_a_deformation(tmp_path, axis):
    """Only the box moves: dE = -V P dL / L. Forces are one step older than the box after fix deform."""
    style = f"thermo_style custom step pe vol l{axis} c_v[{'xyz'.index(axis) + 1}]\n"
    script = water(tmp_path, 2) + BARE + "compute v all pressure NULL virial\n" + style + DIGITS
    script += f"fix 1 all deform 1 {axis} scale 1.02 remap x\nrun 40\n"
    rows = succeed(tmp_path, script, 2).thermo()
    lengths = [row[f"L{axis}"] for row in rows]
    virials = [-row[next(name for name in row if name.startswith("c_v"))] * row["Volume"] * BAR for row in rows]
    work = sum(
        (virials[k] + virials[k + 1]) / 2 * math.log(lengths[k] / lengths[k - 1]) for k in range(1, len(rows) - 1)
    )
    assert_close([rows[-1]["PotEng"] - rows[1]["PotEng"]], [work], 1e-5)


def test_a_shear_with_box_flips(tmp_path):
    shear = moving(RANDOM) + "fix 2 all deform 1 xy erate 60 remap x\nrun 60\n"
    one, two = (finals(tmp_path, shear, ranks=ranks)[0] for ranks in (1, 2))
    assert_same(two, one, 1e-9)


ISOLATED = """
units metal
boundary f f f
region box block 0 40 0 40 0 40
region middle sphere 20 20 20 3
create_box 2 box
create_atoms 1 random 5 12345 middle overlap 0.9 maxtry 500
create_atoms 2 random 9 777 middle overlap 0.9 maxtry 500
mass * 1.0
"""


@pytest.mark.parametrize("keywords, invariant", [("rotate none", False), ("rotate octahedral", True)])
def test_a_cluster_turned_by_a_right_angle(tmp_path, keywords, invariant):
    """The octahedral average is invariant under this rotation: forces rotate with the cluster."""
    start = ISOLATED + toy(keywords=keywords) + MOVE + "velocity all set 0 0 0\n{}run 0\n"
    turn = "displace_atoms all rotate 20 20 20 0 1 0 90\n"
    before, after = finals(tmp_path, start.format(""), start.format(turn), ranks=2)
    n = len(before.forces) // 3
    fx, fy, fz = (before.forces[n * axis :][:n] for axis in range(3))
    turned = fz + fy + [-f for f in fx]
    if invariant:
        assert_close([after.energy], [before.energy], 1e-13)
        assert_close(after.forces, turned, 1e-10)
    else:
        assert abs(after.energy - before.energy) > 1e-3


@pytest.mark.parametrize("ranks", [1, 2])
def test_held_atoms(tmp_path, ranks):
    """Atoms without force and velocity stay, and their effect on the others is unchanged."""
    hold = "group held id <= 6\nvelocity held set 0 0 0\nfix 2 held setforce 0 0 0\n"
    scripts = [moving(RANDOM) + extra for extra in ("run 0\n", hold + "run 0\n", hold + "run 10\n")]
    free, start, end = finals(tmp_path, *scripts, ranks=ranks)
    for axis in range(3):
        held = slice(22 * axis, 22 * axis + 6)
        assert end.positions[held] == start.positions[held]
        assert end.forces[held] == start.forces[held] == [0.0] * 6
        moved = slice(22 * axis + 6, 22 * axis + 22)
        assert_close(start.forces[moved], free.forces[moved], 1e-13)
        assert all(a != b for a, b in zip(end.positions[moved], start.positions[moved]))


@pytest.mark.parametrize("ranks", [1, 2])
def test_neighbor_and_sorting_settings_do_not_matter(tmp_path, ranks):
    settings = [
        "neighbor 0.3 bin",
        "neighbor 2.0 bin",
        "neighbor 1.0 nsq",
        "neigh_modify every 1 delay 0 check no",
        "neigh_modify every 4 delay 8 check yes",
        "neigh_modify binsize 1.0",
        "atom_modify sort 2 1.0",
        "atom_modify sort 0 0",
        "comm_modify cutoff 14.0",
        "comm_modify vel yes",
        "pair_modify neigh/trim no",
    ]
    plain, *others = finals(tmp_path, *(moving(RANDOM) + f"{line}\nrun 10\n" for line in ["", *settings]), ranks=ranks)
    assert_all_same(others, plain, settings, 1e-10)


def test_moving_the_cuts_between_ranks(tmp_path):
    balances = [
        "",
        "balance 1.0 shift xyz 10 1.0\n",
        "balance 1.0 z 0.3\n",
        "fix 2 all balance 2 1.0 shift xyz 5 1.0\n",
        "comm_style tiled\nfix 2 all balance 2 1.0 rcb\n",
    ]
    start = water(tmp_path, 2) + "neigh_modify every 1 delay 0 check no\n"
    start += toy("harmonic-list-f64", "rotate random") + MOVE + "run 5\n{}run 15\n"
    plain, *others = finals(tmp_path, *map(start.format, balances), ranks=2)
    assert_all_same(others, plain, balances[1:], 1e-11)
