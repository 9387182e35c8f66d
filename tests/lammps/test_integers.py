"""LAMMPS with atom IDs of 8 bytes (LAMMPS_BIGBIG): the C++ side compiles for it, and no plugin runs in the other."""

import os
import subprocess

import pytest
from boxes import toy, triclinic
from lmp import BIN, BUILD, PLUGIN, ROOT
from test_plugin import PACKAGE

SIZES = {"LAMMPS_SMALLBIG": 4, "LAMMPS_BIGBIG": 8}


@pytest.mark.parametrize("integers", SIZES)
def test_the_sources_compile_for_both(tmp_path, integers):
    # Each has its own folder of what was generated; cargo writes `output` when it has run its build script.
    builds = [path for path in BUILD.glob("build/tumble-lammps-*/output") if (path.parent / "out/cxxbridge").exists()]
    headers = max(builds, key=os.path.getmtime).parent / "out/cxxbridge/include"
    assert_size = f'#include "lmptype.h"\nstatic_assert(sizeof(LAMMPS_NS::tagint) == {SIZES[integers]}, "");\n'
    (tmp_path / "size.cpp").write_text(assert_size)
    sources = sorted((ROOT / "cpp").glob("*.cpp")) + [tmp_path / "size.cpp"]
    includes = [ROOT / "include", headers, PACKAGE / "include/lammps", BIN.parent / "include"]
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", f"-D{integers}"]
    flags += ["-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX", *(f"-isystem{path}" for path in includes)]
    done = subprocess.run(["g++", *flags, *sources], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_integers_of_other_sizes_are_refused(tmp_path):
    """What LAMMPS says of itself is changed by a library that is loaded before it."""
    (tmp_path / "big.c").write_text("int lammps_extract_setting(void *lmp, const char *name) { return 8; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "big.so", "big.c"], cwd=tmp_path, check=True)
    (tmp_path / "in.test").write_text(f"plugin load {PLUGIN}\n" + triclinic() + toy() + "run 0\n")
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "big.so"), "ORT_DISABLE_TELEMETRY": "1"}
    command = [BIN / "lmp", "-in", "in.test", "-log", "none"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "Unrecognized pair style 'tumble'" in done.stdout
    sentence = (
        "compiled for a LAMMPS with other integers (LAMMPS_SMALLBIG, 4-byte atom IDs, 8-byte steps, 4-byte image "
    )
    sentence += "flags) than this LAMMPS (LAMMPS_BIGBIG, 8-byte atom IDs, 8-byte steps, 8-byte image flags)"
    assert done.stderr.count(sentence) == 1, done.stderr
