"""The ways to load the plugin, and the builds of LAMMPS refused by it."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest
from boxes import REPORT, toy, triclinic, water
from lmp import BIN, PLUGIN, run, succeed

PACKAGE = next((BIN.parent / "lib").glob("python*/site-packages/lammps"))


def energies(result):
    """Potential energies of all thermo rows."""
    return [row["PotEng"] for row in result.thermo()]


def test_the_environment_alone_is_enough(tmp_path):
    (tmp_path / "tumbleplugin.so").symlink_to(PLUGIN)
    script = triclinic() + toy() + REPORT
    found = succeed(tmp_path, script, 2, {"LAMMPS_PLUGIN_PATH": str(tmp_path)}, plugin=False)
    assert energies(found) == energies(succeed(tmp_path, script, 2))


def test_unload_clear_and_load(tmp_path):
    once = triclinic() + toy(keywords="rotate random") + REPORT
    again = f"plugin unload pair tumble\nclear\nplugin load {PLUGIN}\n"
    found = energies(succeed(tmp_path, once + again + once + again + once))
    assert len(found) == 3 and len(set(found)) == 1


@pytest.mark.skipif(version("lammps") < "2025", reason="LAMMPS of 2024 forgets its plugins at `clear`: load it again")
def test_the_plugin_outlives_a_clear(tmp_path):
    once = triclinic() + toy(keywords="rotate random") + REPORT
    reloaded = f"plugin unload pair tumble\nplugin load {PLUGIN}\nclear\n"
    found = energies(succeed(tmp_path, once + reloaded + once + "clear\n" + once))
    assert len(found) == 3 and len(set(found)) == 1


def test_a_second_pair_style_replaces_the_first(tmp_path):
    script = triclinic() + toy("harmonic-padded-f64") + REPORT + toy() + "run 0\n"
    first, second = energies(succeed(tmp_path, script))
    assert energies(succeed(tmp_path, triclinic() + toy() + REPORT)) == [second]
    assert first != second


PYTHON = """
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string(open("in.python").read())
print("energy", repr(lmp.get_thermo("pe")))
lmp.close()
"""


def test_the_python_module(tmp_path):
    script = f"plugin load {PLUGIN}\n" + triclinic() + toy() + REPORT
    (tmp_path / "in.python").write_text(script)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(BIN.parent / "lib"), "VIRTUAL_ENV": str(BIN.parent)}
    command = [sys.executable, "-c", PYTHON]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    energy = float(done.stdout.split("energy ")[1].strip().removeprefix("np.float64(").rstrip(")"))
    assert abs(energy / energies(succeed(tmp_path, triclinic() + toy() + REPORT))[0] - 1) < 1e-12


def other_build(folder):
    """A copy of LAMMPS with another build-id in its library, as another build of the same version would have."""
    note = subprocess.run(["readelf", "-n", PACKAGE / "liblammps.so.0"], capture_output=True, text=True).stdout
    build_id = bytes.fromhex(note.split("Build ID: ")[1].split()[0])
    data = (PACKAGE / "liblammps.so.0").read_bytes()
    assert data.count(build_id) == 1
    (folder / "liblammps.so.0").write_bytes(data.replace(build_id, bytes([build_id[0] ^ 1]) + build_id[1:]))
    shutil.copy(PACKAGE / "lmp", folder / "lmp")
    return folder / "lmp"


def test_another_build_of_lammps_is_refused(tmp_path):
    lmp = other_build(tmp_path)
    (tmp_path / "in.test").write_text(f"plugin load {PLUGIN}\n" + triclinic() + toy() + "run 0\n")
    libraries = [tmp_path, PACKAGE.parent / "lammps.libs", BIN.parent / "lib"]
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    done = subprocess.run([lmp, "-in", "in.test"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    refusal = f"was built for another LAMMPS than this one, {tmp_path / 'liblammps.so.0'}: its build-id is "
    assert refusal in done.stderr, done.stdout + done.stderr
    assert f": run `tumble lammps build --lammps {tmp_path / 'liblammps.so.0'}`\n" in done.stderr
    assert done.returncode > 0 and "Unrecognized pair style 'tumble'" in done.stdout


THIN = """
units metal
atom_style atomic
newton on
{comm}
region b block 0 3.1 0 9 0 24
create_box 2 b
create_atoms 1 random 10 4 NULL overlap 1.0 maxtry 500
create_atoms 2 random 20 5 NULL overlap 1.0 maxtry 500
mass * 1.0
reset_atoms id sort yes
neighbor 0.5 bin
"""


def test_a_box_thinner_than_the_reach(tmp_path):
    """Ghosts of ghosts of ghosts: two hops of 3.5 Å in a box of 3.1 Å, cut along and across."""
    whole = energies(succeed(tmp_path, THIN.format(comm="") + toy() + REPORT))[0]
    for comm in ("processors 1 1 4", "processors 4 1 1", "comm_modify cutoff 1.0", "processors 2 2 1"):
        found = energies(succeed(tmp_path, THIN.format(comm=comm) + toy() + REPORT, 4))[0]
        assert abs(found / whole - 1) < 1e-10, comm


def test_tiled_ghosts_cover_what_they_can_and_refuse_the_rest(tmp_path):
    tiled = "comm_style tiled\nbalance 1.0 rcb\n"
    thin = run(tmp_path, THIN.format(comm="") + tiled + toy() + REPORT, 4)
    assert thin.code != 0
    assert "Communication cutoff for comm_style tiled cannot exceed periodic box length" in thin.output
    thick = water(tmp_path, 3)
    whole = energies(succeed(tmp_path, thick + toy() + REPORT))[0]
    assert abs(energies(succeed(tmp_path, thick + tiled + toy() + REPORT, 4))[0] / whole - 1) < 1e-10
