"""The parts of the wheel, without any other part of tumble: command line, LAMMPS, ASE, i-PI's protocol."""

import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WATERS = """\
6
Lattice="6.2 0 0 0 6.2 0 0 0 6.2" Properties=species:S:1:pos:R:3
O 0.1 0.0 0.2
H 0.9 0.6 0.2
H -0.6 0.7 0.1
O 2.7 0.3 0.4
H 3.3 0.9 0.0
H 2.4 -0.5 0.9
"""
DATA = """\
two waters

6 atoms
2 atom types
0 6.2 xlo xhi
0 6.2 ylo yhi
0 6.2 zlo zhi

Masses

1 15.999
2 1.008

Atoms

1 1 0.1 0.0 0.2
2 2 0.9 0.6 0.2
3 2 -0.6 0.7 0.1
4 1 2.7 0.3 0.4
5 2 3.3 0.9 0.0
6 2 2.4 -0.5 0.9
"""
IN_WATER = """\
units metal
atom_style atomic
newton on
atom_modify map yes
read_data water.data
pair_style tumble rotate octahedral inversion yes
pair_coeff * * {model} O H
neighbor 1.0 bin
timestep 0.00025
fix 1 all nve
thermo_style custom step pe
thermo 1
thermo_modify format float %.10f
run 2
"""
ASE = """\
from ase.io import read
from tumble.ase import Tumble

atoms = read("water.xyz")
with Tumble({model!r}, rotate="octahedral", inversion=True) as atoms.calc:
    print(atoms.get_potential_energy(), atoms.calc.details["spread"]["energy"])
"""
# ASE is the server: i-PI's protocol without i-PI.
SOCKET = """\
import subprocess, sys
from ase.calculators.socketio import SocketIOCalculator
from ase.io import read

atoms = read("water.xyz")
options = ["--rotate", "octahedral", "--inversion", "--template", "water.xyz", "--unix", "tumble-wheel"]
command = [sys.prefix + "/bin/tumble", "ipi", {model!r}, *options]
with SocketIOCalculator(unixsocket="tumble-wheel", timeout=60) as atoms.calc:
    client = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    print(atoms.get_potential_energy())
client.wait(30)
"""
CMAKE_LISTS = """\
cmake_minimum_required(VERSION 3.18)
project(water LANGUAGES C)
find_package(tumble REQUIRED)
add_executable(water {source})
target_link_libraries(water tumble::tumble m)
"""


@pytest.fixture(scope="module")
def model(installed):
    """The model of water in the wheel."""
    path = installed.run("tumble", "model", "water").strip()
    (installed.folder / "water.xyz").write_text(WATERS)
    (installed.folder / "water.data").write_text(DATA)
    assert path.startswith(str(installed.environment)) and Path(path).exists()
    return path


@pytest.fixture(scope="module")
def energy(installed, model):
    """Energy of two waters from `tumble eval`, eV."""
    options = ["--rotate", "octahedral", "--inversion", "--json"]
    return json.loads(installed.run("tumble", "eval", model, "water.xyz", *options))["energy"]


def version():
    """The version in Cargo.toml."""
    return re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def test_the_name_has_the_platform(wheel):
    # Any Python 3, and the glibc found by auditwheel, never the bare and meaningless `linux`.
    expected = rf"tumble_md-{re.escape(version())}-py3-none-manylinux_2_\d+_\w+\.whl"
    assert re.fullmatch(expected, wheel.name)


def test_wheel_has_its_files_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"tumble", f"tumble_md-{version()}.dist-info"}
    libraries = ("tumbleplugin.so", "libtumble_lammps.so", "libtumble.so")
    compiling = ("include/tumble.h", "fortran/tumble.f90", "cmake/tumble-config.cmake", "pkgconfig/tumble.pc")
    for file in ("tumble", *libraries, *compiling, "models/water.onnx", "py.typed", "ase.py"):
        assert f"tumble/{file}" in names
    pin = next(line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("lammps"))
    required = re.findall(r"^Requires-Dist: (.+)$", text, re.M)
    assert {"numpy", "onnxruntime>=1.24"} <= set(required)
    assert any(line.startswith(pin) and "lammps" in line.split(";")[1] for line in required)


def test_the_command_line_runs(installed, model, energy):
    said = installed.run("tumble", "--version")
    assert said.startswith(f"tumble {version()}\n")
    assert f"{installed.environment}/lib" in said and "site-packages/onnxruntime/capi" in said
    assert energy < -900.0
    found = installed.run("tumble", "check", model, "water.xyz", "--target", "energy=5")
    assert "\n    pair_style tumble rotate " in found
    refused = installed.run("tumble", "model", "gold", code=2)
    assert 'NAME is "gold", not a model that comes with tumble: give one of water' in refused


def test_the_doctor_finds_nothing_wrong(installed, model):
    said = installed.run("tumble", "doctor", model, "--json")
    found = {check["check"]: check for check in json.loads(said)["checks"]}
    assert found["lammps plugin"]["status"] == "ok", said
    assert found["model in lammps"]["status"] == "ok", said


def test_lammps_finds_the_pair_style_by_itself(installed, model, energy):
    (installed.folder / "in.water").write_text(IN_WATER.format(model=model))
    for launch in (["lmp"], ["mpiexec", "-n", "2", installed.environment / "bin/lmp"]):
        output = installed.run(*launch, "-in", "in.water", "-log", "none")
        first = re.search(r"^\s+0\s+(-\S+)$", output, re.M)
        # The model is single precision.
        assert float(first[1]) == pytest.approx(energy, abs=2e-4)


def test_wheel_compiles_the_plugin_without_cargo(installed):
    """With the compiler and MPI of a user, for the LAMMPS of the environment."""
    folder = installed.folder / "plugins"
    said = installed.run("tumble", "lammps", "build", "--lammps", installed.environment, "--output", folder)
    assert re.search(r"^LAMMPS .*LAMMPS_SMALLBIG, MPICH or compatible", said, re.M), said
    assert f"trial     {installed.environment}/bin/lmp loads it" in said
    script = f"plugin unload pair tumble\nplugin load {folder}/tumbleplugin.so\n" + IN_WATER
    (installed.folder / "in.built").write_text(script.format(model=installed.run("tumble", "model", "water").strip()))
    (installed.folder / "water.data").write_text(DATA)
    assert "Loop time" in installed.run("lmp", "-in", "in.built", "-log", "none")


def test_c_program_is_compiled_with_the_library_of_the_wheel(installed, model):
    """By CMake and by pkg-config; the program finds the library and ONNX Runtime in the environment."""
    folder, source = installed.folder / "c", ROOT / "examples/c/water.c"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS.format(source=source))
    environment, tools = installed.environment, Path(sys.executable).parent
    paths = {name: installed.run("python", "-m", "tumble.paths", name).strip() for name in ("cmake", "pkgconfig")}
    for command in (
        f"cmake -S {folder} -B {folder}/build -D tumble_DIR={paths['cmake']} && cmake --build {folder}/build",
        f"cc {source} $(pkgconf --cflags --libs tumble) -lm -o c/water",
    ):
        installed.run("bash", "-c", command, PATH=f"{tools}:/usr/bin:/bin", PKG_CONFIG_PATH=paths["pkgconfig"])
    rows = [installed.run("bash", "-c", f"c/{name} {model}") for name in ("water", "build/water")]
    assert rows[0] == rows[1] and len(rows[0].splitlines()) == 4
    assert str(environment) in paths["cmake"]


def test_ase_has_the_calculator(installed, model, energy):
    found, spread = map(float, installed.python(ASE.format(model=model)).split())
    assert found == pytest.approx(energy, abs=1e-4)
    assert spread > 0.0
    assert installed.python("import tumble; print(tumble.__version__)").strip() == version()


def test_the_calculator_passes_its_tests_of_dynamics_and_phonons(with_others):
    tests = [ROOT / "tests/python" / name for name in ("test_phonons.py", "test_calculator.py")]
    options = ["-q", "-p", "no:cacheprovider", "-k", "phonons or dynamics or derivatives or mitigation or turns"]
    said = with_others.run("python", "-m", "pytest", *tests, *options, TUMBLE_INSTALLED="yes")
    assert re.search(r"^\d{2} passed", said, re.M), said


def test_i_pi_runs_with_it(with_others):
    environment = with_others.environment
    with_others.run(
        *("bash", ROOT / "examples/ipi-mts/run.sh", "2"),
        PATH=f"{environment}/bin:/usr/bin:/bin",
        TUMBLE=str(environment / "bin/tumble"),
        OUT=str(with_others.folder / "ipi-mts"),
    )
    rows = (with_others.folder / "ipi-mts/water.properties").read_text().splitlines()
    assert [row.split()[0] for row in rows if not row.startswith("#")][-1] == "2.0000000000e+00"


def test_wheel_is_a_client_of_i_pi_s_protocol(installed, model, energy):
    # ASE and i-PI differ in the eighth digit of their units.
    assert float(installed.python(SOCKET.format(model=model))) == pytest.approx(energy, rel=1e-6)


def test_the_exporter_reports_missing_packages(installed):
    # A project of its own; without its requirements there is no PyTorch.
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    installed.run("python", *pip, ROOT / "python/tumble-export")
    assert "torch" in installed.run("tumble-export", "compact", "none.pt", "-o", "none.onnx", code=1)
