#!/usr/bin/env bash
# Fetches the headers and libraries of LAMMPS in newer releases of Debian: FOLDER/RELEASE/usr/include/lammps. Nothing is
# installed: apt gets lists of its own, from the mirror of this system.
#
#     scripts/lammps-headers.sh FOLDER [RELEASE ...]      # default: trixie (4 Feb 2025) and sid
set -euo pipefail
folder=$(realpath -m "${1:?the folder for the headers}")
shift
mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    awk '$1 == "URIs:" || $1 == "deb" { print $2 }' | grep -m 1 '/debian/\?$') || true
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ $# -gt 0 ] || set -- trixie sid
for release in "$@"; do
    apt=$folder/$release/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=$keyring] ${mirror:?no mirror of Debian in /etc/apt} $release main" >"$apt/sources.list"
    options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" -qq update
    (cd "$apt" && apt-get "${options[@]}" -qq download liblammps-dev liblammps0t64)
    for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$folder/$release"; done
    ls -d "$folder/$release/usr/include/lammps"
done
