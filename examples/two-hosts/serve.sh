#!/bin/sh
# Serves a model to other hosts: TUMBLE_TOKEN=... serve.sh [HOST:PORT [MODEL [OPTION ...]]]
set -eu
: "${TUMBLE_TOKEN:?give a secret, for instance by: export TUMBLE_TOKEN=$(openssl rand -hex 16)}"
root=$(cd "$(dirname "$0")/../.." && pwd)
place=${1:-0.0.0.0:31500}
model=${2:-$root/examples/models/water-pet.onnx}
[ $# -gt 2 ] && shift 2 || shift $#
exec "${TUMBLE:-$root/target/release/tumble}" serve "$model" --listen "tcp:$place" --idle-timeout 3600 "$@"
