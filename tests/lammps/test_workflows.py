"""Changes between runs: more runs, restarts, data files, other boxes, other atoms, other models."""

import pytest
from boxes import toy, triclinic, water
from lmp import PLUGIN, assert_close, dump, run, succeed
from states import MOVE, assert_all_same, assert_same, finals, moving

RANDOM = toy(keywords="rotate random seed 5")


both = pytest.mark.parametrize("ranks", [1, 2])


@both
def test_several_runs_equal_one_long_run(tmp_path, ranks):
    """To the last bit, in an orthogonal box: in a skewed one LAMMPS itself rounds at the start of a run."""
    keep_order = "atom_modify sort 0 0\nneigh_modify every 1 delay 0 check no\n"
    start = water(tmp_path, 2) + keep_order + RANDOM + MOVE
    cuts = ["run 10\n", "run 4\nrun 6\n", "run 4\nrun 6 pre no\n", "run 10 every 2 NULL\n", "run 10 upto\n"]
    whole, *others = finals(tmp_path, *(start + cut for cut in cuts), ranks=ranks)
    for other in others:
        assert other == whole


@both
def test_several_runs_in_a_skewed_box(tmp_path, ranks):
    whole, cut = finals(tmp_path, *(moving(RANDOM) + cut for cut in ("run 20\n", "run 7\nrun 13\n")), ranks=ranks)
    assert_same(cut, whole, 1e-11)


@both
def test_rerun_repeats_energies_and_forces(tmp_path, ranks):
    """Rotations are a function of the step, and rerun takes the step from the dump."""
    columns = "dump 1 all custom 5 {} id type x y z fx fy fz\ndump_modify 1 sort id format float %20.17g\n"
    columns += "thermo_modify format float %20.15g\nthermo 5\n"
    first = moving(RANDOM) + columns.format("first.dump") + "run 10\n"
    again = triclinic() + RANDOM + MOVE + columns.format("again.dump") + "rerun first.dump dump x y z\n"
    rows = succeed(tmp_path, first + "clear\n" + again, ranks).thermo()
    assert [row["Step"] for row in rows] == 2 * [0, 5, 10]
    assert_close([row["PotEng"] for row in rows[3:]], [row["PotEng"] for row in rows[:3]], 1e-13)
    for frame, other in zip(dump(tmp_path / "again.dump"), dump(tmp_path / "first.dump"), strict=True):
        for axis in ("fx", "fy", "fz"):
            assert_close(frame[axis], other[axis], 1e-11)


@both
def test_a_replicated_box_is_eight_times_the_box(tmp_path, ranks):
    """Exact although the small box holds several images of every neighbor: images are folded onto their atom."""
    start = triclinic() + "replicate {}\n" + RANDOM + MOVE + "velocity all set 0 0 0\nrun 0\n"
    one, eight = finals(tmp_path, start.format("1 1 1"), start.format("2 2 2"), ranks=ranks)
    assert_close([eight.energy], [8 * one.energy], 1e-13)
    assert_close(eight.pressures, one.pressures, 1e-11)
    for axis in range(3):
        assert_close(eight.forces[176 * axis :][:176], 8 * one.forces[22 * axis :][:22], 1e-11)


CONTINUE = "thermo_style custom step pe pxx pyy pzz pxy pxz pyz\ntimestep 0.0005\nfix 1 all nve\nrun 5\n"
READ = "units metal\natom_style atomic\nnewton on\nread_data {}.data\nreset_timestep {}\n"
CHANGES = [
    "",
    "group half id <= 11\ndelete_atoms group half\n",
    "region half block INF INF INF INF 0 2\ndelete_atoms region half compress no\n",
    "create_atoms 1 single 3.1 2.8 2.0\n",
    "change_box all x final 0 6.8 y scale 1.03 z delta 0 0.3 remap units box\n",
    "change_box all xy final 0.5 xz delta 0.4 remap units box\n",
    "displace_atoms all move 3 2 1 units box\n",
    "set atom 1*5 type 2\n",
]


@both
@pytest.mark.parametrize("name", ["twohop-padded-f64", "harmonic-list-f64"])
def test_a_change_equals_a_fresh_start(tmp_path, name, ranks):
    """After five steps a change is made and written as a data file; a run from that file continues in the same way."""
    pair = toy(name, "rotate random seed 5")
    files = [f"write_data {k}.data\n" for k in range(len(CHANGES))]
    changed = [moving(pair) + f"run 5\n{change}{write}run 5\n" for change, write in zip(CHANGES, files)]
    fresh = [READ.format(k, 5) + pair + CONTINUE for k in range(len(CHANGES))]
    states = finals(tmp_path, *changed, *fresh, ranks=ranks)
    assert_all_same(states[len(CHANGES) :], states[: len(CHANGES)], CHANGES, 1e-10)


@both
@pytest.mark.parametrize(
    "fix",
    [
        "atom/swap 1 1 1234 300 ke no types 1 2",
        "deposit 2 1 5 1234 region all near 0.7 attempt 200",
        "evaporate 5 3 all 1234",
    ],
)
def test_created_deleted_and_retyped_atoms(tmp_path, fix, ranks):
    """The energy along the way equals that of the same atoms read from a data file."""
    pair = toy("harmonic-list-f64", "rotate random seed 5")
    style = "thermo_style custom step pe\nthermo_modify format float %20.15g\nrun {}\n"
    script = moving(pair) + f"region all block 0 5 0 5 0 4\nfix 2 all {fix}\n" + style.format(10)
    script += "write_data now.data\nclear\n" + READ.format("now", 10) + pair + style.format(0)
    start, end, fresh = (row["PotEng"] for row in succeed(tmp_path, script, ranks).thermo())
    assert_close([fresh], [end], 1e-13)
    assert end != start


def test_a_box_becoming_triclinic(tmp_path):
    """After five steps the orthogonal box becomes triclinic; neighbor lists and ghosts change their kind."""
    change = "change_box all triclinic xy final 0.7 yz final -0.4 remap units box\nwrite_data 0.data\n"
    start = water(tmp_path, 2) + RANDOM + MOVE + "run 5\n"
    one, other = finals(tmp_path, start + change + "run 5\n", READ.format(0, 5) + RANDOM + CONTINUE, ranks=2)
    assert_same(other, one, 1e-10)


RESTART = "read_restart at.restart\n"


@both
def test_a_restart_with_its_pair_style_continues(tmp_path, ranks):
    first = moving(RANDOM) + "run 5\nwrite_restart at.restart\nrun 5\n"
    one, other = finals(tmp_path, first, RESTART + RANDOM + CONTINUE, ranks=ranks)
    assert_same(other, one, 1e-11)


def test_a_restart_without_its_pair_style_is_refused(tmp_path):
    """The style writes nothing into the restart; LAMMPS remembers its name and requires it."""
    succeed(tmp_path, moving(RANDOM) + "run 1\nwrite_restart at.restart\n")
    for plugin in (True, False):
        result = run(tmp_path, RESTART + "fix 1 all nve\nrun 1\n", plugin=plugin)
        assert result.code != 0
        assert "pair style tumble stores no restart info" in result.output
        assert "Must re-specify non-restarted pair style (tumble) after read_restart" in result.output


@both
def test_another_model_after_clear(tmp_path, ranks):
    names = ["twohop-padded-f64", "harmonic-list-f64", "twohop-padded-f64"]
    first, other, again = finals(tmp_path, *(moving(toy(name)) + "run 5\n" for name in names), ranks=ranks)
    assert again == first
    assert other.energy != first.energy


@both
def test_unload_and_load_in_the_middle(tmp_path, ranks):
    middle = f"plugin unload pair tumble\nplugin load {PLUGIN}\n"
    scripts = [moving(RANDOM) + f"run 5\n{extra}run 5\n" for extra in ("", middle + RANDOM, RANDOM)]
    whole, *others = finals(tmp_path, *scripts, ranks=ranks)
    for other in others:
        assert other == whole


def test_a_pair_style_taken_away(tmp_path):
    """Without the plugin there is no force, and LAMMPS continues with only a remark about sorting."""
    result = succeed(tmp_path, moving(RANDOM) + "run 1\nplugin unload pair tumble\nrun 1\n")
    assert result.thermo()[1]["PotEng"] < -3000
    assert [row["PotEng"] for row in result.thermo()[2:]] == [0.0, 0.0]
    assert "WARNING: No pairwise cutoff or binsize set" in result.output
