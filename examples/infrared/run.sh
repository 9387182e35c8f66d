#!/usr/bin/env bash
# The infrared spectrum of one H2O from the dipoles in i-PI's extras: bare, and averaged over 48 rotations.
#
#   examples/infrared/run.sh [--long] [--model FILE] [--draw] [--steps N]        needs i-pi
here=$(cd "$(dirname "$0")" && pwd)
export MODEL=${MODEL:-$here/water-dipole.onnx}
name=infrared
. "$here/../analysis/options.sh"

if [ -n "$long" ]; then runs=16 count=8192; else runs=4 count=2048; fi
count=${steps:-$count}
for case in bare averaged; do
    for seed in $(seq -w $runs); do
        "$python" "$here/trajectory.py" "$model" "$case" "$seed" "$count" "$out/$case-$seed"
    done
done
"$python" "$here/spectrum.py" "$out" | tee "$out/table.md"
figure
