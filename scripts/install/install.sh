#!/usr/bin/env bash
# Installs the command line and the library: install.sh PREFIX BUILD [RUNTIME]. BUILD is the folder of `make build
# library`; RUNTIME the library of ONNX Runtime to put beside them. The prefix can be moved later.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$here/../..
prefix=${1:?the folder to install into} build=${2:?the folder of the build} runtime=${3:-}
mkdir -p "$prefix"/{bin,lib/tumble/models}
# Without the symbols for debuggers.
for file in tumble libtumble_lammps.so; do
    strip --strip-unneeded -o "$prefix/lib/tumble/$file" "$build/$file"
done
strip --strip-unneeded -o "$prefix/lib/libtumble.so" "$build/libtumble.so"
chmod 755 "$prefix"/lib/tumble/{tumble,libtumble_lammps.so} "$prefix/lib/libtumble.so"
# The program looks beside its file, not beside the link.
ln -sf ../lib/tumble/tumble "$prefix/bin/tumble"
install -m 644 "$root/examples/models/water-pet.onnx" "$prefix/lib/tumble/models/water.onnx"
if [ -n "$runtime" ]; then
    install -m 755 "$runtime" "$prefix/lib"
    ln -sf "../$(basename "$runtime")" "$prefix/lib/tumble"
fi
"$here/development.sh" "$prefix" lib include share/tumble/fortran lib/cmake/tumble lib/pkgconfig
tumble=$prefix/lib/tumble/tumble
"$tumble" man --folder "$prefix/share/man/man1"
# Completions of a shell: its name, the folder, the file.
completions() {
    mkdir -p "$prefix/share/$2"
    "$tumble" completions "$1" > "$prefix/share/$2/$3"
}
completions bash bash-completion/completions tumble
completions zsh zsh/site-functions _tumble
completions fish fish/vendor_completions.d tumble.fish
