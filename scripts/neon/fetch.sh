#!/usr/bin/env bash
# Fetches into target/neon what compiles programs for 64-bit ARM, and runs them, on x86-64: Rust with the standard
# libraries of both, from a newer release of Debian, a linker, the C library, and QEMU. Nothing is installed: apt gets
# lists of its own, from the mirror of this system.
#
#     scripts/neon/fetch.sh [RELEASE]      # default: forky (Debian 14)
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/target/neon
release=${1:-forky}
stop() {
    echo "$1" >&2
    exit 1
}
[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || stop "make test-neon needs Debian or Ubuntu on x86-64"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || stop "make test-neon needs the keys of Debian: install the package debian-archive-keyring"
mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    awk '$1 == "URIs:" || $1 == "deb" { print $2 }' | grep -m 1 '/debian/\?$') ||
    stop "make test-neon needs a mirror of Debian in /etc/apt"

apt=$tools/apt
rm -rf "$apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
touch "$apt/status"
echo "deb [signed-by=$keyring] $mirror $release main" >"$apt/sources.list"
options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o APT::Sandbox::User=root -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
# Without the network apt-get only warns.
apt-get "${options[@]}" -qq -o APT::Update::Error-Mode=any update ||
    stop "the lists of Debian $release cannot be fetched from $mirror: see the message above"
# Prints a package and all that it needs.
closure() { apt-cache "${options[@]}" depends --recurse --important "$@" | grep '^[a-z]'; }
gcc=$(closure libgcc-s1:arm64 | grep -o '^gcc-[0-9]*')
# rustc itself would need a compiler of C too: that of this system links what runs during the build.
packages=(rustc qemu-user libstd-rust-dev:arm64 libc6-dev:arm64 libc6:arm64 libgcc-s1:arm64 "lib$gcc-dev:arm64")
mapfile -t -O "${#packages[@]}" packages < <(closure libstd-rust-dev binutils-aarch64-linux-gnu)
(cd "$apt" && apt-get "${options[@]}" -qq download "${packages[@]}") ||
    stop "packages of Debian $release cannot be fetched from $mirror: see the message above"

# All lies in usr/lib, but the linker and programs look for it in lib.
rm -rf "$tools/usr"
mkdir -p "$tools/usr/lib"
ln -sfn usr/lib "$tools/lib"
for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$tools"; done
find "$tools/usr/bin" -name 'qemu-*' ! -name qemu-aarch64 -delete
rm -r "$apt"
