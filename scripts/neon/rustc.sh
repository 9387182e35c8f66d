#!/bin/sh
# The Rust compiler in target/neon, with the C library that it was made for: this system's may be older.
tools=$(realpath "${0%/*}/../../target/neon")
libraries=$tools/usr/lib/x86_64-linux-gnu
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$tools/usr/bin/rustc" "$@"
