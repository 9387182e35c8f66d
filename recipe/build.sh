#!/usr/bin/env bash
# Builds the package of meta.yaml: the command line, libtumble.so and the library of the plugin, without Python.
set -euxo pipefail
cargo-bundle-licenses --format yaml --output THIRDPARTY.yml
export CARGO_TARGET_DIR=$PWD/target
cargo build --release --locked -p tumble -p tumble-lammps -p tumble-capi
ln -sf libtumble_capi.so target/release/libtumble.so
# The ONNX Runtime of the environment: nothing of it is put into this package but a link.
ORT_DISABLE_TELEMETRY=1 scripts/install/install.sh "$PREFIX" target/release
ln -sf ../libonnxruntime.so "$PREFIX/lib/tumble/libonnxruntime.so"
