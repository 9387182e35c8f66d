"""Checks the requirements of tumble's crates: their Rust version and their licences.

    python scripts/dependencies.py

- `rust-version` in Cargo.toml is the newest Rust required by any crate, and the pages name the same version.
- All licences suit tumble (MIT). Those of linked crates also suit LAMMPS (GPL-2.0-only), which loads the plugin into
  its process. The Apache licence alone is not compatible with version 2 of the GPL, but "OR MIT" is. Crates that run
  only while compiling or testing may have it, or that of Mozilla.

The script uses `cargo metadata`, without network. It does not look for known vulnerabilities: `cargo audit` does, with
a database from the network.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("*.md", "docs/*.md", "examples/*/README.md", "python/*/README.md")
PAGES = [page for place in PLACES for page in sorted(ROOT.glob(place))]
PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "Unlicense", "0BSD", "CC0-1.0"}
WHILE_COMPILING = PERMISSIVE | {"Apache-2.0", "MPL-2.0"}


def metadata():
    """Metadata from cargo for the packages of the lock file that are compiled on this platform."""
    host = re.search(r"host: (\S+)", output("rustc", "-vV"))[1]
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]
    return json.loads(output(*words))


def output(*words):
    """Standard output of a program, run in the root of the repository."""
    return subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def version(text):
    """1.92 or 1.92.0 as (1, 92)."""
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def rust_problems(packages, pages):
    """Sentences about wrong Rust versions; `pages` are names and texts."""
    own = next(package["rust_version"] for package in packages if package["name"] == "tumble")
    known = [package for package in packages if package["rust_version"] and package["name"] != "tumble"]
    newest = max(known, key=lambda package: version(package["rust_version"]))
    if version(newest["rust_version"]) > version(own):
        yield (
            f"rust-version in Cargo.toml is {own}, but {newest['name']} needs {newest['rust_version']}: "
            "raise it there and where the pages name it"
        )
    for name, text in pages:
        for found in re.findall(r"\bRust (\d+\.\d+)", text):
            if version(found) != version(own):
                yield f"{name} names Rust {found}, but rust-version in Cargo.toml is {own}: write the same"


def linked(metadata):
    """Ids of the linked packages: normal dependencies, except macros."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    macros = {p["id"] for p in metadata["packages"] if any("proc-macro" in target["kind"] for target in p["targets"])}
    found, waiting = set(), [p["id"] for p in metadata["packages"] if p["name"] == "tumble"]
    while waiting:
        package = waiting.pop()
        if package not in found | macros:
            found.add(package)
            normal = (d["pkg"] for d in nodes[package]["deps"] if any(k["kind"] is None for k in d["dep_kinds"]))
            waiting.extend(normal)
    return found


def permits(expression, licences):
    """Whether these licences satisfy an SPDX expression."""
    expression = expression.replace("/", " OR ").strip()
    tokens = re.findall(r"\(|\)|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", expression)
    python = {"(": "(", ")": ")", "OR": "or", "AND": "and"}
    return eval(" ".join(python.get(token, str(token in licences)) for token in tokens))  # booleans and operators


def licence_problems(metadata):
    """Sentences about crates with unsuitable licences."""
    inside = linked(metadata)
    for package in metadata["packages"]:
        if package["source"] is None:
            continue
        licences = PERMISSIVE if package["id"] in inside else WHILE_COMPILING
        if not permits(package["license"] or "none", licences):
            crate = f"{package['name']} {package['version']}"
            yield (
                f"the licence of crate {crate} is {package['license']}, which is not among "
                f"{', '.join(sorted(licences))}: take another crate, or see whether it suits MIT and GPL-2.0-only"
            )


def main():
    found = metadata()
    pages = [(page.relative_to(ROOT), page.read_text()) for page in PAGES if page.name != "CHANGELOG.md"]
    problems = [*rust_problems(found["packages"], pages), *licence_problems(found)]
    sys.exit("\n".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
