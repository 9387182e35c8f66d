"""Ranks that exchange messages move atoms as one rank does, and as ranks that evaluate their ghosts again."""

import os

import pytest
from boxes import CORNER, model, toy, triclinic, water
from lmp import TOYS, WATER_F64, assert_close, dump, succeed
from states import MOVE, assert_all_same, finals
from test_callers import NVE, OBSERVERS, energies
from test_replicas import log, partitions
from test_time_stepping import overlay

PET = TOYS / "exported-pet-f64.onnx"
MODELS = [PET, TOYS / "exported-adaptive-f64.onnx", TOYS / "exchange-neighbors-f64.onnx"]
WHOLE = TOYS / "exchange-pooled-f64.onnx"
RANDOM = "rotate random seed 5"


def pair(keywords=RANDOM, path=PET):
    """A pair style, with a place for one more keyword."""
    return model(path, keywords + " exchange {exchange}")


def stepped(outer, inner, path=PET):
    """The bare model and its correction, each with a place for one more keyword."""
    return overlay(path, outer + " exchange {exchange}", inner + " exchange {exchange}")


LJ = pair().replace("tumble", "hybrid/overlay lj/cut 3.0 tumble").replace("* * ", "* * tumble ", 1)
LJ += "pair_coeff * * lj/cut 0.01 1.2\n"
NPT = "unfix 1\nfix 1 all npt temp 600 600 0.05 {} 0 0 0.1\n"
# The tilt xy begins at 1.7 and flips at 3.25.
FLIP = "fix 2 all deform 1 xy vel 800 remap x flip yes\n"

# Pair style, commands, steps.
CASES = {
    "nve": (pair(), "", 20),
    "nearest": (pair("rotate octahedral", MODELS[1]), "", 8),
    "pooled": (pair(path=WHOLE), "", 10),
    "every": (pair("rotate octahedral every 4"), "", 10),
    "every random": (pair("rotate octahedral+random every 3 monitor 2"), "thermo 1\n", 8),
    "respa": (stepped("rotate octahedral correction yes", ""), "timestep 0.001\nrun_style respa 2 2 hybrid 1 2\n", 5),
    "overlay": (LJ, "", 10),
    "npt iso": (pair(), NPT.format("iso"), 15),
    "npt tri": (pair(), NPT.format("tri"), 15),
    "flips": (pair(), FLIP, 15),
    "balance": (pair(), "fix 2 all balance 3 1.0 shift z 5 1.05\n", 12),
    "deposit": (
        pair(),
        "region all block 0 5 0 5 0 4\nfix 2 all deposit 2 1 5 1234 region all near 0.7 attempt 200\n",
        12,
    ),
}


def moving(pair, commands):
    """The skewed box with moving atoms."""
    return triclinic() + pair + MOVE + commands


def both(folder, scripts, ranks):
    """Last states on some ranks that exchange messages; on two ranks also without exchange."""
    exchanged = [script.format(exchange="yes") for script in scripts]
    again = [script.format(exchange="no") for script in scripts] if ranks == 2 else []
    return finals(folder, *exchanged, *again, ranks=ranks)


@pytest.mark.parametrize("name", CASES)
def test_trajectories(tmp_path, name):
    style, commands, steps = CASES[name]
    script = moving(style, commands) + f"run {steps}\n"
    (one,) = finals(tmp_path, script.format(exchange="yes"))
    # Three ranks share 22 atoms unequally, so that their domains are moved.
    ranks = 3 if name in ("pooled", "balance") else 2
    states = both(tmp_path, [script], ranks)
    assert_all_same(states, one, ["exchange yes", "exchange no"][: len(states)], 1e-9)


@pytest.mark.parametrize(
    "fix",
    ["evaporate 4 2 all 1234", "atom/swap 2 3 1234 1e6 ke no types 1 2", "atom/swap 1 1 1234 1e-6 ke no types 1 2"],
)
def test_atoms_deleted_or_retyped(tmp_path, fix):
    """LAMMPS draws them by their order on the ranks, so the number of ranks is the same."""
    script = moving(pair(), f"region all block INF INF INF INF INF INF\nfix 2 all {fix}\n") + "run 10\n"
    exchanged, again = both(tmp_path, [script], 2)
    assert_all_same([exchanged], again, [fix], 1e-9)


def test_minimizer(tmp_path):
    script = triclinic() + pair("rotate octahedral") + "minimize 0 1e-6 5 10\n"
    (one,) = finals(tmp_path, script.format(exchange="yes"))
    assert_all_same(both(tmp_path, [script], 2), one, ["exchange yes", "exchange no"], 1e-8)


def test_a_restart_continues_on_other_ranks(tmp_path):
    style = pair("rotate octahedral+random every 4 seed 3").format(exchange="yes")
    whole = moving(style, "restart 6 at.*.restart\n") + "run 12\n"
    (one,) = finals(tmp_path, whole)
    (two,) = finals(tmp_path, whole, ranks=2)
    again = f"units metal\nnewton on\nread_restart at.6.restart\nneighbor 1.0 bin\n{style}"
    (three,) = finals(tmp_path, again + MOVE.split("\n", 2)[2] + "run 6\n", ranks=3)
    assert_all_same([two, three], one, ["two ranks", "two ranks, then three"], 1e-9)


FLY = "fix 1 all move linear 3000 30 10\ntimestep 0.001\nthermo_style custom step pe pxx pyy pzz pxy pxz pyz\n"


@pytest.mark.parametrize("name", ["exported-adaptive-f64", "exchange-pooled-f64", "exchange-neighbors-f64"])
def test_atoms_reach_ranks_without_atoms(tmp_path, name):
    """A cluster passes the subdomains of all ranks; atoms that another rank took keep their forces."""
    style = toy(name, "rotate random seed 5 exchange {exchange}")
    script = CORNER + style + FLY + "".join(f"run {steps}\n" for steps in (1, 4, 15))
    (one,) = finals(tmp_path, script.format(exchange="yes"))
    (four,) = finals(tmp_path, "processors 4 1 1\n" + script.format(exchange="yes"), ranks=4)
    assert_all_same([four], one, ["four ranks"], 1e-9)


@pytest.mark.parametrize("name", OBSERVERS)
def test_observers_that_evaluate_more_often_than_the_integrator(tmp_path, name):
    command, value = OBSERVERS[name]
    script = (
        triclinic() + model(PET, "rotate tetrahedral every 2") + NVE + f"variable d equal -0.1\n{command}\nthermo 1\n"
    )
    script += f"thermo_style custom step pe {value}\nthermo_modify format float %20.15g\nrun 1\n"
    one, two = (energies(succeed(tmp_path, script, ranks), value) for ranks in (1, 2))
    # Derivatives are differences of energies, which are exact to 13 digits.
    assert_close(two, one, 1e-5)


def test_partitions_exchange_messages_among_their_own_ranks(tmp_path):
    style = "variable s world 11 12\n" + model(PET, "rotate random seed $s")
    show = 'print "energy $(pe:%.17g)"\n'
    result = partitions(tmp_path, triclinic() + style + "run 0\n" + show, 2, ranks=2)
    assert result.code == 0, result.output
    for k, seed in enumerate((11, 12)):
        alone = succeed(tmp_path, triclinic() + model(PET, f"rotate random seed {seed}") + "run 0\n" + show).output
        (found,), (expected,) = (
            [float(line.split()[1]) for line in text.splitlines() if line.startswith("energy ")]
            for text in (log(tmp_path, k), alone)
        )
        assert_close([found], [expected], 1e-13)


FRAMES = """
compute w all pressure NULL virial
thermo_style custom step pe c_w[1] c_w[2] c_w[3] c_w[4] c_w[5] c_w[6]
thermo_modify format float %20.15g
thermo 10
dump 1 all custom 10 {file} id x y z fx fy fz
dump_modify 1 sort id format float %20.17g
{run}
"""
HOT = "velocity all create 1200 4928\ntimestep 0.0005\nfix 1 all nve\ncomm_style tiled\nfix 2 all balance 20 1.0 rcb\n"


# TUMBLE_STEPS=10000 takes about half an hour.
STEPS = int(os.environ.get("TUMBLE_STEPS", "200"))


def test_frames_of_a_trajectory_at_600_kelvin(tmp_path):
    """Atoms pass from rank to rank; the positions alone give the same numbers on any number of ranks."""
    start = water(tmp_path, 4) + model(WATER_F64, "rotate random seed 5")

    def frames(ranks, run):
        script = start + FRAMES.format(file=f"{ranks}.dump", run=run)
        rows = succeed(tmp_path, script, ranks, timeout=300 + STEPS).thermo()
        return list(zip(rows, dump(tmp_path / f"{ranks}.dump"), strict=True))

    expected = frames(2, HOT + f"run {STEPS}")
    for ranks in (1, 4) if STEPS < 1000 else (1, 3, 4, 8):
        assert_same_frames(frames(ranks, "rerun 2.dump dump x y z"), expected)


def assert_same_frames(found, expected):
    for (row, frame), (expected_row, expected_frame) in zip(found, expected, strict=True):
        assert_close([row["PotEng"]], [expected_row["PotEng"]], 1e-10)
        assert_close(*[[of[f"c_w[{k}]"] for k in range(1, 7)] for of in (row, expected_row)], 1e-10)
        for axis in ("fx", "fy", "fz"):
            assert_close(frame[axis], expected_frame[axis], 1e-10)
