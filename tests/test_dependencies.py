"""Required Rust version and licences of the crates: problems found by `scripts/dependencies.py`."""

import copy
import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts/dependencies.py"
spec = importlib.util.spec_from_file_location("dependencies", SCRIPT)
dependencies = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dependencies)


@pytest.fixture(scope="module", name="found")
def _found():
    return dependencies.metadata()


def package(found, name):
    return next(package for package in found["packages"] if package["name"] == name)


def test_requirements_have_no_problems(found):
    pages = [(page.name, page.read_text()) for page in dependencies.PAGES if page.name != "CHANGELOG.md"]
    assert [*dependencies.rust_problems(found["packages"], pages), *dependencies.licence_problems(found)] == []
    assert sum("Rust 1." in text for _, text in pages) >= 2


def test_a_crate_with_a_newer_rust_is_named(found):
    changed = copy.deepcopy(found)
    package(changed, "ort")["rust_version"] = "1.999"
    own = package(found, "tumble")["rust_version"]
    assert list(dependencies.rust_problems(changed["packages"], [])) == [
        f"rust-version in Cargo.toml is {own}, but ort needs 1.999: raise it there and where the pages name it"
    ]


def test_a_page_with_another_rust_is_named(found):
    own = package(found, "tumble")["rust_version"]
    assert list(dependencies.rust_problems(found["packages"], [("a.md", f"Rust {own} or later, Rust 1.70.0")])) == [
        f"a.md names Rust 1.70, but rust-version in Cargo.toml is {own}: write the same"
    ]


def test_linked_crates_must_suit_lammps_and_others_need_not(found):
    inside = dependencies.linked(found)
    assert package(found, "ort")["id"] in inside and package(found, "cxx")["id"] in inside
    for name in ("cxx-build", "serde_derive", "proptest"):
        assert package(found, name)["id"] not in inside
    changed = copy.deepcopy(found)
    package(changed, "ort")["license"] = package(changed, "cxx-build")["license"] = "Apache-2.0"
    (problem,) = dependencies.licence_problems(changed)
    assert problem.startswith("the licence of crate ort 2.0.0-rc.15 is Apache-2.0, which is not among 0BSD, ")


@pytest.mark.parametrize(
    ("expression", "permitted"),
    [
        ("MIT", True),
        ("Apache-2.0/MIT", True),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", True),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("(MIT OR Apache-2.0) AND GPL-3.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("GPL-3.0-or-later", False),
        ("none", False),
    ],
)
def test_expressions_are_read(expression, permitted):
    assert dependencies.permits(expression, dependencies.PERMISSIVE) is permitted
