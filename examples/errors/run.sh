#!/usr/bin/env bash
# Remaining symmetry error of grids of rotations: SI Fig. 1 of arXiv:2406.17747, on our model.
#
#   examples/errors/run.sh [--long] [--model FILE] [--draw] [--steps N] [FRAMES.xyz]
#
# FRAMES.xyz: structures of a test set, evaluated too if given (their energies are not used).
name=errors
. "$(dirname "$0")/../analysis/options.sh"

if [ -n "$long" ]; then test=30 bulk=12 molecules=1000; else test=3 bulk=2 molecules=100; fi
run bulk in.bulk -var steps "${steps:-$(((bulk - 1) * 1600))}" -var every 1600
run molecule in.molecule -var steps "${steps:-$(((molecules - 1) * 200))}" -var every 200
sets=()
[ ${#others[@]} -eq 0 ] || sets+=("test=${others[0]}:$test")
"$python" "$here/convergence.py" "$model" "$out" "${sets[@]}" \
    "bulk=$out/bulk/snapshots.xyz:$bulk" "molecule=$out/molecule/snapshots.xyz:$molecules" | tee "$out/table.md"
figure
