"""The recipes for conda and Spack, as far as they can be tested without them: they are read, and name what is there."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import yaml
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
CARGO = (ROOT / "Cargo.toml").read_text()


def defined(name):
    """A value of Cargo.toml."""
    return re.search(rf'^{name} = "(.+)"$', CARGO, re.M)[1]


def recipe():
    """The recipe of conda for Linux, with the functions of conda-build in words."""
    text = (ROOT / "recipe/meta.yaml").read_text()
    words = {"compiler": "compiler_{}".format, "stdlib": "stdlib_{}".format}
    return yaml.safe_load(Environment(autoescape=False).from_string(text).render(words))


def test_conda_has_the_version_and_the_licence_of_cargo():
    found = recipe()
    assert found["package"] == {"name": "tumble", "version": defined("version")}
    assert found["about"]["license"] == defined("license")
    assert found["about"]["home"] == defined("repository")
    needed = re.search(r'"api-(\d+)"', CARGO)[1]
    assert f"onnxruntime-cpp >=1.{needed}" in found["requirements"]["run"]


def test_conda_builds_and_tests_what_is_there():
    found, script = recipe(), ROOT / "recipe/build.sh"
    assert all((ROOT / place).exists() for place in found["test"]["source_files"])
    subprocess.run(["bash", "-n", script], check=True)
    assert all((ROOT / path).exists() for path in re.findall(r"scripts/\S+\.sh", script.read_text()))
    packages = re.findall(r"-p (\S+)", script.read_text())
    names = {re.search(r'^name = "(.+)"$', path.read_text(), re.M)[1] for path in ROOT.glob("**/Cargo.toml")}
    assert len(packages) == 3 and set(packages) <= names


def spack_class(monkeypatch):
    """The class of the package, with stand-ins for Spack's words that note their calls."""
    said = []

    def word(name):
        return lambda *args, **kwargs: said.append((name, args, kwargs))

    spack = ModuleType("spack.package")
    names = ("license", "version", "variant", "depends_on")
    found = {name: word(name) for name in names}
    found |= {"run_after": lambda *args, **kwargs: lambda function: function, "symlink": word("symlink")}
    found |= {"Executable": lambda path: word(str(path)), "working_dir": MagicMock()}
    spack.__dict__.update(found)
    generic = ModuleType("spack_repo.builtin.build_systems.generic")
    generic.Package = object
    for name in ("spack", "spack_repo", "spack_repo.builtin", "spack_repo.builtin.build_systems"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "spack.package", spack)
    monkeypatch.setitem(sys.modules, generic.__name__, generic)
    scope = {"__name__": "package"}
    exec(compile((ROOT / "recipe/spack/package.py").read_text(), "package.py", "exec"), scope)
    return scope["Tumble"], said


class Place(str):
    """A path whose attributes are the files in it, as Spack's prefixes are."""

    def __getattr__(self, name):
        return Place(f"{self}/{name}")


def test_spack_needs_the_rust_and_onnx_runtime_of_cargo(monkeypatch):
    package, said = spack_class(monkeypatch)
    needs = {args[0]: kwargs for name, args, kwargs in said if name == "depends_on"}
    assert f"rust@{defined('rust-version')}:" in needs
    api = re.search(r'"api-(\d+)"', CARGO)[1]
    assert needs[f"py-onnxruntime@1.{api}:"]["when"] == "+onnxruntime"
    assert package.homepage == package.git == defined("repository")


def test_spack_installs_with_the_script_of_make_install(monkeypatch):
    package, said = spack_class(monkeypatch)
    del said[:]
    self = package()
    self.prefix = Place("/p")
    self.spec = {"mpi": SimpleNamespace(mpicxx="/mpi/mpicxx"), "lammps": SimpleNamespace(prefix="/l")}
    package.install(self, {"rust": SimpleNamespace(prefix=Place("/rust"))}, self.prefix)
    package.install_plugin(self)
    programs = {name: args for name, args, _ in said}
    assert programs["scripts/install/install.sh"] == ("/p", "target/release")
    assert programs["/rust/bin/cargo"][:3] == ("build", "--release", "--locked")
    options = ("--lammps", "/l", "--mpicxx", "/mpi/mpicxx", "--output", "/p/lib/tumble/plugins")
    assert programs["/p/bin/tumble"] == ("lammps", "build", *options)


def test_spack_s_package_uses_only_known_words():
    tree = ast.parse((ROOT / "recipe/spack/package.py").read_text())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    words = {"license", "version", "variant", "depends_on", "run_after", "Executable", "working_dir", "symlink"}
    assert called <= words | {"cargo", "tumble"}
