"""Replicas in partitions: they compare averages, and commands that cut their runs into pieces are refused."""

import os
import subprocess

import pytest
from boxes import model, triclinic
from lmp import BIN, LMP, MPIEXEC, PATIENCE, PLUGIN, TOYS, Run, assert_close, run

TWOHOP = TOYS / "twohop-padded-f64.onnx"
HARMONIC = TOYS / "harmonic-list-f64.onnx"
EVERY = "rotate octahedral every 4"
# Commands that send atoms from replica to replica want them in the order of their IDs.
START = triclinic(extra="atom_modify sort 0 0")


def partitions(folder, script, count, ranks=1):
    """A run on `count` partitions of some ranks each; its output contains that of all partitions."""
    (folder / "in.test").write_text(f"plugin load {PLUGIN}\n" + script)
    command = [MPIEXEC, "-n", str(count * ranks), LMP, "-in", "in.test"]
    command += ["-partition", f"{count}x{ranks}"]
    environment = {**os.environ, **PATIENCE, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(BIN.parent)}
    done = subprocess.run(command, cwd=folder, env=environment, timeout=120, capture_output=True, text=True)
    return Run(done.returncode, done.stdout + done.stderr, folder)


def log(folder, k):
    """The log of one partition."""
    return (folder / f"log.lammps.{k}").read_text()


def test_partitions_with_one_seed_bring_a_warning(tmp_path):
    seeds = "variable s world 1 1\n"
    result = partitions(tmp_path, seeds + START + model(TWOHOP, "rotate random seed ${s}") + "run 0\n", 2)
    assert result.code == 0, result.output
    sentence = "partitions with the same seed draw the same rotations: give each its own seed, as in variable s world "
    sentence += "1 2 3 and seed ${s}"
    assert all(log(tmp_path, k).count(sentence) == 1 for k in (0, 1))


# A cluster, turned differently in each replica: the bare energies tell the turns apart, the averages do not.
# At these low temperatures only the energies decide, and in these short steps nothing moves.
TEMPER = """
units metal
atom_modify map array
region b block 0 30 0 30 0 30
region middle sphere 15 15 15 3
create_box 2 b
create_atoms 1 random 5 12345 middle overlap 0.9 maxtry 500
create_atoms 2 random 9 777 middle overlap 0.9 maxtry 500
mass * 1.0
variable s world 11 22 33 44
variable a world 0 40 80 120
variable t world 1.0 1.1 1.2 1.3
displace_atoms all random 0.01 0.01 0.01 ${{s}} units box
displace_atoms all rotate 15 15 15 1 2 3 $a
{pair}
timestep 1e-9
fix n all {fix}
thermo 100
temper{kind} 18 3 $t n 0 58728 {pressure}
"""


def exchanges(folder, keywords, kind):
    """Temperature of each replica after each attempt: at every third step, outer or not."""
    pressure = "0.0" if kind else ""
    fix = "npt temp $t $t 1 iso 0 0 1000" if kind else "nvt temp $t $t 1"
    script = TEMPER.format(pair=model(HARMONIC, keywords), fix=fix, kind=kind, pressure=pressure)
    result = partitions(folder, script, 4)
    assert result.code == 0, result.output
    lines = result.output.split("T3", 1)[1].splitlines()[1:]
    rows = [list(map(int, line.split())) for line in lines if line.replace(" ", "").isdigit()]
    assert [row[0] for row in rows] == [0, 3, 6, 9, 12, 15, 18]
    return [row[1:] for row in rows]


@pytest.mark.parametrize("kind", ["", "/npt"])
def test_parallel_tempering_compares_averaged_energies(tmp_path, kind):
    expected = exchanges(tmp_path, "rotate octahedral", kind)
    assert exchanges(tmp_path, EVERY, kind) == expected
    # The bare model exchanges other replicas, so the test can tell them apart.
    assert exchanges(tmp_path, "rotate none", kind) != expected


NEB = """
fix 1 all neb 1.0
min_style quickmin
timestep 1e-4
thermo_style custom step pe fnorm
thermo_modify format float %20.15g
thermo 2
neb 0 1e-3 8 8 2 final final.txt
"""
FINAL = "2\n3 1.0 1.2 1.4\n9 2.5 2.0 1.0\n"


def band(folder, keywords):
    """Energies and forces of the replicas of an elastic band, including the climbing one."""
    (folder / "final.txt").write_text(FINAL)
    result = partitions(folder, START + model(TWOHOP, keywords) + NEB, 3)
    assert result.code == 0, result.output
    return [list(row.values()) for k in range(3) for row in Run(0, log(folder, k), folder).thermo()]


def test_a_nudged_elastic_band_has_averaged_forces(tmp_path):
    expected = band(tmp_path, "rotate octahedral")
    assert len(expected) > 3 * 8
    found = band(tmp_path, EVERY)
    assert_close(found, expected, 1e-12)
    bare = band(tmp_path, "rotate none")
    assert abs(bare[0][1] - expected[0][1]) > 1e-3


# Accelerated dynamics adds a fix of its own to the run.
ACCELERATED = """
velocity all create 300 4711 mom yes rot yes loop geom
timestep 1e-4
fix 1 all nve
compute e all event/displace 0.5
"""


@pytest.mark.parametrize(
    "command, fix", [("prd 8 4 1 4 4 e 54985", "EVENT/PRD"), ("hyper 8 4 NULL e", "EVENT/HYPER")], ids=["prd", "hyper"]
)
def test_accelerated_dynamics_is_refused(tmp_path, command, fix):
    result = run(tmp_path, START + model(TWOHOP, EVERY) + ACCELERATED + command + "\n", timeout=60)
    assert result.code != 0
    assert f"(style {fix}) ends its runs between two outer steps: remove the keyword every" in result.output


def test_temperature_accelerated_dynamics_is_refused(tmp_path):
    tad = "tad 8 4 300 600 0.01 1 e neb 0.0 0.01 4 4 2\n"
    result = partitions(tmp_path, START + model(TWOHOP, EVERY) + ACCELERATED + tad, 2)
    assert result.code != 0
    # The first partition to end stops the other one, possibly before any output.
    sentence = "(style EVENT/TAD) ends its runs between two outer steps: remove the keyword every"
    assert sentence in log(tmp_path, 0) + log(tmp_path, 1)
