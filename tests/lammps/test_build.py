"""`tumble lammps build`: the plugin for the LAMMPS of the tests, built without cargo, and headers that do not fit."""

import os
import re
import shutil
import subprocess

import pytest
from boxes import REPORT, toy, triclinic
from lmp import BIN, BUILD, COMMAND_LINE, succeed
from test_plugin import PACKAGE, energies


def build(*arguments, code=0, **environment):
    """Output of `tumble lammps build`, standard output if it succeeds, else the error."""
    variables = {**os.environ, "PATH": f"{BIN}:/usr/bin:/bin", "LAMMPS_PLUGIN_PATH": "", **environment}
    command = [COMMAND_LINE, "lammps", "build", *map(str, arguments)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The plugin in a folder of its own, and the words of the build."""
    folder = tmp_path_factory.mktemp("plugins")
    said = build("--lammps", BIN / "lmp", "--output", folder)
    return folder, said


def test_the_build_tells_what_it_found(plugin):
    folder, said = plugin
    lines = dict(line.split(maxsplit=1) for line in said.splitlines()[:5])
    assert "LAMMPS_SMALLBIG, MPICH or compatible, build-id " in lines["LAMMPS"]
    assert lines["LAMMPS"].endswith(f" at {(PACKAGE / 'liblammps.so.0').resolve()}")
    assert lines["headers"] == str((PACKAGE / "include/lammps").resolve())
    assert lines["compiler"].endswith(f" of {BIN / 'mpicxx'}") and "with the MPICH " in lines["compiler"]
    assert lines["plugin"].startswith(f"{folder}/tumbleplugin.so, ")
    assert lines["trial"] == f"{BIN / 'lmp'} loads it"
    assert said.endswith(f"export LAMMPS_PLUGIN_PATH={folder}\n")


def test_a_plugin_needs_no_new_glibc(plugin):
    """Compiled here, it loads on systems with glibc 2.28: libstdc++'s headers alone would ask for 2.32."""
    command = ["readelf", "--version-info", "--wide", plugin[0] / "tumbleplugin.so"]
    versions = re.findall(r"GLIBC_2\.(\d+)", subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert versions and max(map(int, versions)) <= 28


def test_the_built_plugin_runs_on_two_ranks(plugin, tmp_path):
    script = triclinic() + toy() + REPORT
    found = succeed(tmp_path, script, 2, {"LAMMPS_PLUGIN_PATH": str(plugin[0])}, plugin=False)
    assert energies(found) == energies(succeed(tmp_path, script, 2))


def test_a_plugin_of_another_version_of_tumble_is_refused(plugin, tmp_path):
    """As after an upgrade: the library has another interface than the plugin was compiled for."""
    source = (BUILD / "libtumble_lammps.so").read_bytes()
    texts = set(re.findall(rb"([0-9a-f]{16})\0", (plugin[0] / "tumbleplugin.so").read_bytes()))
    # The other text of this kind in both is the end of a table of digits.
    (fingerprint,) = (text for text in texts if text + b"\0" in source and not text.endswith(b"96979899"))
    changed = (b"0" if fingerprint[:1] != b"0" else b"1") + fingerprint[1:]
    (tmp_path / "libtumble_lammps.so").write_bytes(source.replace(fingerprint + b"\0", changed + b"\0"))
    environment = {"LAMMPS_PLUGIN_PATH": str(plugin[0]), "LD_LIBRARY_PATH": f"{tmp_path}:{BIN.parent / 'lib'}"}
    command = [BIN / "lmp", "-log", "none"]
    done = subprocess.run(
        command, input="pair_style tumble\n", env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert "was built for another version of tumble than the one installed now" in done.stderr, done.stdout
    assert done.returncode != 0


def test_headers_with_another_class_are_refused(tmp_path):
    """Of the same version, as those of a development branch."""
    headers = tmp_path / "lammps"
    shutil.copytree(PACKAGE / "include/lammps", headers)
    text = (headers / "pair.h").read_text()
    (headers / "pair.h").write_text(
        text.replace("virtual void compute(", "virtual void added() {}\n  virtual void compute(", 1)
    )
    said = build("--lammps", PACKAGE, "--headers", headers, "--output", tmp_path / "out", code=1)
    assert said.startswith(f"error: the headers in {headers} do not fit LAMMPS at ")
    words = r"since their class Pair has (\d+) entries in its table of virtual functions, and that of LAMMPS has (\d+):"
    found, expected = map(int, re.search(words, said).groups())
    assert found == expected + 1
    assert not (tmp_path / "out/tumbleplugin.so").exists()


def test_the_sources_are_written_for_other_build_systems(tmp_path):
    subprocess.run([COMMAND_LINE, "lammps", "sources", "--output", tmp_path / "cpp-side"], check=True)
    written = {str(path.relative_to(tmp_path / "cpp-side")) for path in (tmp_path / "cpp-side").rglob("*.*")}
    assert {"cpp/plugin.cpp", "cpp/bridge.rs.cc", "include/tumble/pair_tumble.h", "include/rust/cxx.h"} <= written
