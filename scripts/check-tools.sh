#!/bin/sh
# Names what is missing to build tumble, in one sentence with the package to install.
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $1 (apt install $2),"; }
need git git
need g++ g++
need python3 python3
need cargo "rustup, then: rustup default stable"
if command -v python3 >/dev/null 2>&1 && ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    missing="$missing the venv module of python3 (apt install python3-venv),"
fi
if [ -n "$missing" ]; then
    echo "tumble cannot be built here, because this is missing:${missing%,}" >&2
    exit 1
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "tumble needs Python 3.11 or later, but python3 is $(python3 --version): apt install python3" >&2
    exit 1
}
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "tumble needs Rust $wanted or later, but cargo is $found: install rustup (apt install rustup) and run rustup update stable" >&2
    exit 1
fi
