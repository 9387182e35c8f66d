#!/bin/sh
# Lists in one sentence the missing tools to build tumble, with the packages to install. Needs only the shell.
cd "${0%/*}/.." || exit 1

missing=""
lack() { missing="$missing${missing:+, }$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

for tool in git make g++; do
    have "$tool" || lack "$tool (Debian package $tool)"
done

# The pinned ONNX Runtime needs Python 3.11.
if ! have python3; then
    lack "python3 (Debian packages python3 and python3-venv)"
elif ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    lack "Python 3.11 or later (here is $(python3 --version 2>&1); Debian 12 has it in python3 and python3-venv)"
elif ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    lack "the venv module of python3 (Debian package python3-venv)"
fi

while IFS='"' read -r key version rest; do
    [ "$key" = "rust-version = " ] && rust=$version
done <Cargo.toml
minor=${rust#1.}
if ! have cargo; then
    lack "Rust $rust or later (by rustup; the cargo of Debian 12 and 13 is too old)"
else
    found=$(cargo --version) # cargo 1.95.0 (f2d3ce0bd 2026-03-21)
    found=${found#cargo }
    found=${found%% *}
    found_minor=${found#*.}
    if [ "${found%%.*}" -eq 0 ] || [ "${found_minor%%.*}" -lt "$minor" ]; then
        lack "Rust $rust or later (here is cargo $found: run rustup update; the cargo of Debian 12 and 13 is too old)"
    fi
fi

[ -z "$missing" ] || {
    echo "tumble cannot be built here before this is installed: $missing." >&2
    exit 1
}
