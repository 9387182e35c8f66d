#!/bin/sh
# Train a PET of water with metatrain and export it: ./run.sh FOLDER, with data_0.npz to data_3.npz in it.
# Needs the packages of docs/export.md: pip install './python/tumble-export[metatrain]'.
set -e
cd "$(dirname "$0")"
export ORT_DISABLE_TELEMETRY=1
test -d "$1" || { echo "usage: $0 FOLDER, with DeePMD-kit's examples/water/data/data_*.npz in it" >&2; exit 2; }
folder=$(cd "$1" && pwd)
mkdir -p ../../target/metatrain
cp options.yaml ../../target/metatrain/
cd ../../target/metatrain
python ../../examples/metatrain/data.py "$folder"
python ../../examples/metatrain/train.py options.yaml -o water.pt
tumble-export pet water.ckpt -o water-mtt-pet.onnx --name water-mtt-pet --check test.xyz
../release/tumble eval water-mtt-pet.onnx test.xyz
