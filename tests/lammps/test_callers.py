"""Who asks the pair style for energies and forces: the integrator gets impulses, everybody else averages."""

import pytest
from boxes import model, triclinic, water
from lmp import TOYS, assert_close, dump, run, succeed
from states import assert_all_same, assert_same, finals

TWOHOP = TOYS / "twohop-padded-f64.onnx"
HARMONIC = TOYS / "harmonic-list-f64.onnx"
EVERY = "rotate octahedral every 4"
NVE = "velocity all create 300 4711 mom yes rot yes loop geom\ntimestep 0.0005\nfix 1 all nve\n"
DIGITS = "thermo_style custom step pe\nthermo_modify format float %20.15g\n"

LOOK = "compute e all pe/atom\ndump 9 all custom 5 e.dump id c_e\n"


def energies(result, name="PotEng"):
    """A column of all thermo tables."""
    return [row[name] for row in result.thermo() if name in row]


# Minimizers


@pytest.mark.parametrize("relax", ["iso 0 vmax 0.01", "tri 10000 vmax 0.002"])
def test_a_relaxed_box_has_averaged_pressures(tmp_path, relax):
    tail = "thermo_style custom step pe vol fnorm pxx pyy pzz pxy\nthermo_modify format float %20.15g\nthermo 1\n"
    tail += f"fix 1 all box/relax {relax}\nminimize 0 1e-3 20 40\n"
    averaged, every, bare = (
        succeed(tmp_path, triclinic() + model(HARMONIC, keywords) + tail).thermo()
        for keywords in ("rotate octahedral", EVERY, "rotate none")
    )
    assert every == averaged and averaged[-1]["Volume"] != averaged[0]["Volume"]
    assert bare[0]["Pxx"] != averaged[0]["Pxx"]


# Monte Carlo

SWAPS = """
units metal
atom_modify map array
region b block 0 9 0 7 0 8
create_box 2 b
create_atoms 1 random 10 4711 NULL overlap 1.2 maxtry 1000
create_atoms 2 random 20 911 NULL overlap 1.2 maxtry 1000
mass 1 15.999
mass 2 1.008
neighbor 1.0 bin
{pair}
timestep 1e-9
fix 1 all nve
fix s all {fix}
thermo_style custom step pe f_s[1] f_s[2]
thermo_modify format float %20.15g
thermo 1
run 40
"""


def swaps(folder, keywords, fix, ranks=1):
    """Energies and numbers of accepted trials of a Monte Carlo run at zero temperature."""
    rows = succeed(folder, SWAPS.format(pair=model(HARMONIC, keywords), fix=fix), ranks).thermo()
    return [row["PotEng"] for row in rows], [row["f_s[2]"] for row in rows]


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "fix",
    [
        "atom/swap 1 1 {} 1e-6 types 1 2 ke no",
        "atom/swap 3 2 {} 1e-6 types 1 2 ke no",
        "atom/swap 1 1 {} 1e-6 semi-grand yes types 1 2 mu 0 0 ke no",
    ],
)
def test_monte_carlo_compares_averaged_energies(tmp_path, fix, ranks):
    """At zero temperature a trial is accepted if the energy falls: each step accepts as the average does."""
    fix = fix.format(29494)
    expected, counts = swaps(tmp_path, "rotate octahedral", fix, ranks)
    found, accepted = swaps(tmp_path, EVERY, fix, ranks)
    assert accepted == counts and counts[-1] > 2
    assert_close(found, expected, 1e-12)
    if "semi-grand" not in fix:
        # The bare model accepts other trials, so that this would show.
        assert swaps(tmp_path, "rotate none", fix, ranks)[1] != counts


# Finite differences beside a run of dynamics

NUMDIFF = """
fix n few numdiff 1 1e-4
dump 1 all custom 1 forces.dump id f_n[1] f_n[2] f_n[3] x y z
dump_modify 1 sort id format float %20.15g
run 5
"""


@pytest.mark.parametrize(
    "keywords, averaged", [(EVERY, "rotate octahedral"), ("rotate random seed 5", "rotate random seed 5")]
)
def test_fix_numdiff_differentiates_the_averaged_energy_of_one_rotation(tmp_path, keywords, averaged):
    few = "group few id 1:3\n"
    succeed(tmp_path, triclinic() + few + model(TWOHOP, keywords) + NVE + NUMDIFF)
    frames = dump(tmp_path / "forces.dump")
    again = "dump 1 all custom 1 again.dump id fx fy fz\ndump_modify 1 sort id format float %20.15g\n"
    succeed(tmp_path, triclinic() + model(TWOHOP, averaged) + again + "rerun forces.dump dump x y z\n")
    for found, expected in zip(frames, dump(tmp_path / "again.dump"), strict=True):
        for k, axis in enumerate("xyz", 1):
            differences = [(f, expected[f"f{axis}"][i]) for i, f in enumerate(found[f"f_n[{k}]"]) if f != 0.0]
            assert len(differences) > 1
            assert max(abs(f - g) for f, g in differences) < 1e-5


OBSERVERS = {
    "fep": ("compute o all fep 300 pair tumble scale * * v_d", "c_o[1]"),
    "born/matrix": ("compute v all pressure NULL virial\ncompute o all born/matrix numdiff 1e-4 v", "c_o[1]"),
    "stress/atom": ("compute s all stress/atom NULL pair\ncompute o all reduce sum c_s[1]", "c_o"),
    "numdiff/virial": ("fix o all numdiff/virial 1 1e-4", "f_o[1]"),
}


@pytest.mark.parametrize("name", OBSERVERS)
def test_observers_see_averages_between_outer_steps(tmp_path, name):
    command, value = OBSERVERS[name]
    observe = f"variable d equal -0.1\n{command}\nthermo 1\nthermo_style custom step pe {value}\n"
    observe += "thermo_modify format float %20.15g\n"
    moving = "dump 1 all custom 1 run.dump id x y z\ndump_modify 1 sort id format float %20.17g\nrun 5\n"
    found = energies(succeed(tmp_path, triclinic() + model(TWOHOP, EVERY) + NVE + observe + moving), value)
    again = triclinic() + model(TWOHOP, "rotate octahedral") + NVE + observe + "rerun run.dump dump x y z\n"
    expected = energies(succeed(tmp_path, again), value)
    assert len(found) == len(expected) == 6
    # LAMMPS evaluates the first step of a rerun and of a run alike; derivatives are good to a few digits.
    assert_close(found, expected, 1e-5)


def test_calculations_beside_a_run_do_not_change_its_trajectory(tmp_path):
    start = triclinic() + model(TWOHOP, EVERY) + NVE
    end = "run 10\nwrite_dump all custom end.dump id x y z vx vy vz modify sort id format float %20.17g\n"
    frames = []
    for extra in ("", "group one id 1\nfix n one numdiff 1 1e-4\nthermo 1\n", "thermo 1\n" + LOOK):
        succeed(tmp_path, start + extra + end)
        frames.append(dump(tmp_path / "end.dump")[0])
    for frame in frames[1:]:
        for name in ("x", "vz"):
            assert_close(frame[name], frames[0][name], 1e-11)


# Barostats

NPT = """
velocity all create 300 4711 loop geom
timestep 0.0005
fix n all npt temp 300 300 0.05 iso 0 0 0.05
thermo 100
"""
AGAIN = """
clear
units metal
read_restart at.restart
{pair}
neighbor 1.0 bin
timestep 0.0005
fix n all npt temp 300 300 0.05 iso 0 0 0.05
thermo 100
run {rest}
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_trajectory_at_constant_pressure_is_the_same_with_output_cuts_and_restarts(tmp_path, ranks):
    start = water(tmp_path, 1 if ranks == 1 else 2) + model(TWOHOP, EVERY) + NPT
    again = AGAIN.format(pair=model(TWOHOP, EVERY), rest="{rest}")
    scripts = {
        "whole": "run 40\n",
        "output": LOOK + "run 40\n",
        "thermo": "thermo 1\nrun 40\n",
        "cut at an inner step": "run 18\nrun 22\n",
        "cut at an outer step": "run 20\nrun 20\n",
        "restart at an inner step": "run 18\nwrite_restart at.restart\n" + again.format(rest=22),
        "restart at an outer step": "run 20\nwrite_restart at.restart\n" + again.format(rest=20),
    }
    whole, *others = finals(tmp_path, *(start + script for script in scripts.values()), ranks=ranks)
    assert_all_same(others, whole, list(scripts)[1:], 1e-9)


# Runs in pieces

PIECES = {
    "run": "run 20\n",
    "run in fives": "run 5\n" * 4,
    "pre no": "run 5\n" + "run 5 pre no\n" * 3,
    "run every": 'run 20 every 5 "print x"\n',
    "single points between": "run 5\nrun 0\nrun 5\nrun 0\nrun 0\nrun 10\n",
}


@pytest.mark.parametrize("rotate", ["octahedral every 4", "random seed 3", "octahedral+random every 4"])
def test_pieces_of_a_run_are_the_whole(tmp_path, rotate):
    start = triclinic() + model(TWOHOP, f"rotate {rotate}") + NVE
    whole, *others = finals(tmp_path, *(start + pieces for pieces in PIECES.values()))
    assert_all_same(others, whole, list(PIECES)[1:], 1e-10)


@pytest.mark.parametrize("rotate", ["octahedral every 4", "random seed 3", "octahedral+random every 4"])
def test_a_reset_of_the_step_number_changes_no_trajectory(tmp_path, rotate):
    """Outer steps and rotations are counted by the steps of the integrator."""
    start = triclinic() + model(TWOHOP, f"rotate {rotate}") + NVE
    whole, reset = finals(tmp_path, start + "run 20\n", start + "run 5\n" + "reset_timestep 0\nrun 5\n" * 3)
    reset.step = 20
    assert_same(reset, whole, 1e-10)


@pytest.mark.parametrize("rotate", ["octahedral every 4", "random seed 3"])
def test_a_clock_that_is_kept_at_zero_changes_no_trajectory(tmp_path, rotate):
    """Each step has the number of the one before it, and no setup between."""
    start = triclinic() + model(TWOHOP, f"rotate {rotate}") + NVE + "thermo_style custom step temp\n"
    one_by_one = "run 1\n" + "reset_timestep 0\nrun 1 pre no\n" * 9
    ends = []
    for k, steps in enumerate(("run 10\n", one_by_one)):
        end = f"write_dump all custom {k}.dump id x y z vx vy vz modify sort id format float %20.17g\n"
        succeed(tmp_path, start + steps + end)
        ends.append(dump(tmp_path / f"{k}.dump")[0])
    for name in ("x", "y", "vx", "vz"):
        assert_close(ends[1][name], ends[0][name], 1e-10)


@pytest.mark.parametrize("rotate", ["octahedral every 4", "random seed 3"])
def test_the_internal_fix_may_be_removed(tmp_path, rotate):
    script = triclinic() + model(TWOHOP, f"rotate {rotate}") + NVE + "run 4\nunfix TUMBLE_STEP_1\n"
    assert len(energies(succeed(tmp_path, script + DIGITS + "run 4\nclear\n"))) == 2


def test_a_style_that_computes_nothing_steps_nothing(tmp_path):
    succeed(tmp_path, triclinic() + model(TWOHOP, EVERY) + "pair_modify compute no\n" + NVE + "run 5\n")


def test_a_reset_between_outer_steps_is_told(tmp_path):
    script = triclinic() + model(TWOHOP, EVERY) + NVE + "run 5\nreset_timestep 0\nrun 5\n"
    sentence = (
        "the step number was reset between two outer steps; every 4 continues its count, so the next outer step is 3"
    )
    assert sentence in succeed(tmp_path, script).output
    script = script.replace("run 5\nreset", "run 8\nreset")
    assert "was reset" not in succeed(tmp_path, script).output


@pytest.mark.parametrize("before", ["run 0\n", "minimize 0 1e-3 2 4\n", "run 4\nrun 0\n"])
def test_forces_without_an_impulse_are_not_gone_on_with(tmp_path, before):
    script = triclinic() + model(TWOHOP, EVERY) + NVE + before
    result = run(tmp_path, script + "run 4 pre no\n")
    assert result.code != 0
    sentence = (
        "every 4 cannot continue from the forces of a run 0, a rerun or a minimizer, which lack the impulse of an outer"
    )
    assert sentence in result.output, result.output
    assert "was reset" not in result.output
    succeed(tmp_path, script + "run 4\n")


def test_after_a_minimizer_outer_steps_are_multiples_again(tmp_path):
    script = triclinic() + model(TWOHOP, EVERY) + NVE + "run 5\nminimize 0 1e-3 3 6\nrun 5\n"
    assert "was reset" not in succeed(tmp_path, script).output


# Single points


def test_each_single_point_has_a_rotation_of_its_own(tmp_path):
    start = triclinic() + model(TWOHOP, "rotate random seed 5")
    loop = "variable k loop 6\nlabel top\nrun 0\nnext k\njump SELF top\n"
    found = energies(succeed(tmp_path, start + DIGITS + loop))
    assert len(found) == 6 and len(set(found)) == 6
    # The first has the rotation of the step in a run, and all are the same in another process.
    assert found[0] == energies(succeed(tmp_path, start + DIGITS + NVE + "run 1\n"))[0]
    assert found == energies(succeed(tmp_path, start + DIGITS + loop))


def test_single_points_on_a_grid_are_all_the_same(tmp_path):
    start = triclinic() + model(TWOHOP, EVERY) + DIGITS
    assert len(set(energies(succeed(tmp_path, start + "run 0\n" * 3)))) == 1


def test_a_minimizer_with_random_rotations_is_warned_of_once(tmp_path):
    minimize = "minimize 0 1e-3 2 4\n"
    sentence = "WARNING: pair_style tumble: with random rotations each evaluation has another energy surface"
    output = succeed(tmp_path, triclinic() + model(TWOHOP, "rotate random") + 2 * minimize, 2).output
    assert output.count(sentence) == 1
    assert sentence not in succeed(tmp_path, triclinic() + model(TWOHOP, EVERY) + minimize).output
