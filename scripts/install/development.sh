#!/usr/bin/env bash
# Writes what C and Fortran programs are compiled with: the header, the module, and the files for CMake and pkg-config.
#     development.sh FOLDER LIB INCLUDE FORTRAN CMAKE PKGCONFIG
# The last five are folders in FOLDER; libtumble.so is, or will be, in LIB.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$here/../..
folder=$(realpath "$1") lib=$2 include=$3 fortran=$4 cmake=$5 pkgconfig=$6
version=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")

# Fills in a template of this folder: its name, and the folder for it.
fill() {
    mkdir -p "$folder/$2"
    from() { realpath --relative-to "$folder/$2" --canonicalize-missing "$folder/$1"; }
    sed -e "s|@LIB@|$(from "$lib" "$2")|" -e "s|@INCLUDE@|$(from "$include" "$2")|" \
        -e "s|@FORTRAN@|$(from "$fortran" "$2")|" -e "s|@VERSION@|$version|" "$here/$1.in" > "$folder/$2/$1"
}
mkdir -p "$folder/$include" "$folder/$fortran"
install -m 644 "$root/include/tumble.h" "$folder/$include"
install -m 644 "$root/examples/fortran/tumble.f90" "$folder/$fortran"
fill tumble-config.cmake "$cmake"
fill tumble-config-version.cmake "$cmake"
fill tumble.pc "$pkgconfig"
