#!/bin/sh
# Links a program for 64-bit ARM with the linker in target/neon, and what a C compiler would add: the parts of the C
# library that start it.
tools=$(realpath "${0%/*}/../../target/neon")
libraries=$tools/usr/lib/x86_64-linux-gnu
start=$tools/usr/lib/aarch64-linux-gnu
gcc=$(echo "$tools"/usr/lib/gcc/aarch64-linux-gnu/*)
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$tools/usr/bin/aarch64-linux-gnu-ld" \
    --sysroot="$tools" -dynamic-linker /lib/ld-linux-aarch64.so.1 -L "$gcc" \
    "$start/Scrt1.o" "$start/crti.o" "$gcc/crtbeginS.o" "$@" "$gcc/crtendS.o" "$start/crtn.o"
