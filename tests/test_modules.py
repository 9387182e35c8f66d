"""Structure of the code: modules of a crate import each other one way, and unsafe code stays in the listed places."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CRATES = sorted(path.parent for path in ROOT.glob("crates/*/Cargo.toml"))
PATH = re.compile(r"\bcrate::(\w+)|\bcrate::\{([^}]*)\}")


def shipped(path):
    """The source of a module without its comments and its tests."""
    source = re.split(r"^#\[cfg\(test\)\]", path.read_text(), flags=re.MULTILINE)[0]
    return re.sub(r"//.*", "", source)


def imported(source):
    """The modules of its own crate named in a source."""
    for match in PATH.finditer(source):
        yield from [match[1]] if match[1] else re.findall(r"(?:^|,)\s*(\w+)", match[2])


def imports(crate):
    """For each top-level module of a crate, with its submodules, the other modules named in it."""
    sources = crate / "src"
    modules = {path.stem for path in sources.glob("*.rs")} - {"lib"}
    graph = {module: set() for module in modules}
    for path in sources.rglob("*.rs"):
        module = path.relative_to(sources).parts[0].removesuffix(".rs")
        if module in graph and path.stem != "tests":
            graph[module] |= (set(imported(shipped(path))) & modules) - {module}
    return graph


@pytest.mark.parametrize("crate", CRATES, ids=lambda crate: crate.name)
def test_modules_import_each_other_one_way(crate):
    try:
        TopologicalSorter(imports(crate)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_a_circle_of_imports_is_found(tmp_path):
    (tmp_path / "src/b").mkdir(parents=True)
    (tmp_path / "src/a.rs").write_text("use crate::b::inner::X;\n")
    (tmp_path / "src/b.rs").write_text("mod inner;\n")
    (tmp_path / "src/b/inner.rs").write_text("use crate::{a::Y, c};\n#[cfg(test)]\nmod tests { use crate::d; }\n")
    (tmp_path / "src/c.rs").write_text("// crate::a\n")
    (tmp_path / "src/d.rs").write_text("use crate::b;\n")
    graph = imports(tmp_path)
    assert graph == {"a": {"b"}, "b": {"a", "c"}, "c": set(), "d": {"b"}}
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_unsafe_code_is_only_in_the_listed_places():
    listed = re.search(r"<!-- unsafe -->\n([\s\S]*?)\n\n", (ROOT / "CONTRIBUTING.md").read_text())[1]
    expected = set(re.findall(r"`([\w/.-]+\.rs)`", listed))
    found = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("crates/*/src/**/*.rs")
        if re.search(r"\bunsafe\b", shipped(path))
    }
    found |= {
        str(path.relative_to(ROOT)) for path in ROOT.glob("src/**/*.rs") if re.search(r"\bunsafe\b", shipped(path))
    }
    assert found == expected


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_in_the_contributing_pages_exist(page):
    named = re.findall(
        r"`((?:crates|src|cpp|include|tests|python|docs|scripts|benches|examples)/[\w/.-]*)`", (ROOT / page).read_text()
    )
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists() and "NAME" not in path] == []


@pytest.mark.parametrize("crate", CRATES, ids=lambda crate: crate.name)
def test_crates_say_whether_they_have_unsafe_code(crate):
    """In the first line of the documentation, or by an attribute that makes the compiler refuse it."""
    text = (crate / "src/lib.rs").read_text()
    unsafe = any(re.search(r"\bunsafe\b", shipped(path)) for path in crate.glob("src/**/*.rs") if path.name != "lib.rs")
    unsafe = unsafe or "unsafe {" in text
    assert ("#![forbid(unsafe_code)]" in text) != unsafe
    assert ("unsafe" in text.splitlines()[0]) == unsafe
