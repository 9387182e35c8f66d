"""`make install`: C and Fortran programs are compiled with CMake and pkg-config, after the folder was moved."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
BIN = Path(sys.executable).parent
MODEL = ROOT / "tests/data/models/harmonic-padded-f64.onnx"
OPTIONS = "rotate: octahedral, inversion: yes"
FORTRAN = shutil.which("gfortran")
CMAKE_LISTS = """\
cmake_minimum_required(VERSION 3.18)
project(water LANGUAGES {languages})
find_package(tumble {wanted} REQUIRED {components})
add_executable(water {source})
target_link_libraries(water {target} m)
"""
C = {"languages": "C", "components": "", "source": ROOT / "examples/c/water.c", "target": "tumble::tumble"}
F90 = {
    "languages": "C Fortran",
    "components": "COMPONENTS Fortran",
    "source": ROOT / "examples/fortran/water.f90",
    "target": "tumble::fortran",
}


def run(*command, code=0, **variables):
    """Standard output of a program, or its standard error if it is to fail with this code."""
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "ORT_DISABLE_TELEMETRY": "1", **variables}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def rows(text):
    """Angle, energy, spread and largest force of each line that the examples print."""
    return [[float(word) for word in line.split()] for line in text.splitlines()]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """What `make install` installs, moved to a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("install")
    (runtime,) = BUILD.glob("libonnxruntime.so.*")
    run(ROOT / "scripts/install/install.sh", folder / "first", BUILD, runtime.resolve())
    return (folder / "first").rename(folder / "moved away")


def build(folder, prefix, code=0, wanted="", **parts):
    """Builds a program with CMake, and returns it; with a code, the error of CMake."""
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS.format(wanted=wanted, **parts))
    said = run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", code=code)
    if code:
        return " ".join(said.split())
    run("cmake", "--build", folder / "build")
    return folder / "build/water"


@pytest.fixture(scope="module")
def expected(prefix, tmp_path_factory):
    """What the program in C prints, compiled with CMake."""
    program = build(tmp_path_factory.mktemp("c"), prefix, **C)
    found = rows(run(program, MODEL, OPTIONS))
    assert [row[0] for row in found] == [0.0, 30.0, 60.0, 90.0] and all(row[2] > 0 for row in found)
    return found


@pytest.mark.skipif(not FORTRAN, reason="gfortran is not installed (Debian package gfortran)")
def test_cmake_compiles_the_fortran_example(prefix, expected, tmp_path):
    assert rows(run(build(tmp_path, prefix, **F90), MODEL, OPTIONS)) == expected


def test_pkg_config_compiles_the_c_example(prefix, expected, tmp_path):
    program = tmp_path / "water"
    command = f"cc {C['source']} $(pkgconf --cflags --libs tumble) -lm -o {program}"
    # A shell splits what pkg-config prints, and obeys its backslashes only by eval.
    run("bash", "-c", f'eval "{command}"', PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    assert rows(run(program, MODEL, OPTIONS)) == expected


@pytest.mark.skipif(not FORTRAN, reason="gfortran is not installed (Debian package gfortran)")
def test_pkg_config_compiles_the_fortran_example(prefix, expected, tmp_path):
    program, variables = tmp_path / "water", {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    module = "$(pkgconf --variable=fortran tumble)/tumble.f90"
    command = f"gfortran -J {tmp_path} {module} {F90['source']} $(pkgconf --libs tumble) -o {program}"
    run("bash", "-c", f'eval "{command}"', **variables)
    assert rows(run(program, MODEL, OPTIONS)) == expected


def test_versions_of_another_interface_are_refused(prefix, tmp_path):
    assert run("pkgconf", "--modversion", "tumble", PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")).strip() == "0.1.0"
    build(tmp_path, prefix, wanted="0.1", **C)
    for version in ("0.2", "0.1.1", "1"):
        said = build(tmp_path, prefix, code=1, wanted=version, **C)
        assert f'compatible with requested version "{version}"' in said and "version: 0.1.0" in said


def test_unknown_components_and_a_missing_fortran_are_refused(prefix, tmp_path):
    said = build(tmp_path, prefix, code=1, **{**C, "components": "COMPONENTS Rust"})
    assert "tumble has no component Rust: give C or Fortran" in said
    said = build(tmp_path, prefix, code=1, **{**C, "components": "COMPONENTS Fortran"})
    assert "Fortran is not enabled before find_package(tumble): write project(NAME LANGUAGES C Fortran)" in said


def test_a_broken_prefix_is_told(prefix, tmp_path):
    broken = shutil.copytree(prefix, tmp_path / "broken", symlinks=True)
    (broken / "lib/libtumble.so").unlink()
    said = build(tmp_path, broken, code=1, **C)
    assert f"{broken}/lib/libtumble.so is missing: install tumble again" in said.replace("/ ", "/")


def test_the_program_runs_from_the_prefix(prefix):
    """It finds its ONNX Runtime, its model and the library of the plugin beside it, not those of this environment."""
    assert f"{prefix}/lib/libonnxruntime.so." in run(prefix / "bin/tumble", "--version")
    model = run(prefix / "bin/tumble", "model", "water").strip()
    assert model == f"{prefix}/lib/tumble/models/water.onnx"
    assert "cutoff" in run(prefix / "bin/tumble", "info", model)
    names = ("man/man1/tumble-eval.1", "bash-completion/completions/tumble", "zsh/site-functions/_tumble")
    for name in names:
        assert (prefix / "share" / name).stat().st_size > 0


def test_python_tells_where_the_folders_are(tmp_path):
    """Of a package with the compiled library, as in the wheel."""
    package = shutil.copytree(ROOT / "python/tumble-md/tumble", tmp_path / "tumble")
    python = [sys.executable, "-m", "tumble.paths"]
    said = run(*python, "cmake", code=1, PYTHONPATH=str(tmp_path))
    missing = "tumble-config.cmake is missing: install the wheel of tumble-md with the compiled library"
    assert said == f"error: {package}/cmake/{missing}\n"
    (package / "libtumble.so").write_text("")
    run(ROOT / "scripts/install/development.sh", package, ".", "include", "fortran", "cmake", "pkgconfig")
    assert run(*python, "cmake", PYTHONPATH=str(tmp_path)) == f"{package}/cmake\n"
    assert f"library {package}\n" in run(*python, PYTHONPATH=str(tmp_path))
    said = run(*python, "gold", code=1, PYTHONPATH=str(tmp_path))
    assert said == "error: 'gold' is no folder of tumble: give one of cmake, pkgconfig, include, fortran, library\n"
