#!/usr/bin/env bash
# Free energy over the absolute orientation of H2O in vacuum: Fig. 1d-e of arXiv:2406.17747, on our model.
#
#   examples/gas-nvt/run.sh [--long] [--model FILE] [--draw] [--steps N]
name=gas-nvt
. "$(dirname "$0")/../analysis/options.sh"

if [ -n "$long" ]; then single=20000 random=15000 grid=2800; else single=6000 random=6000 grid=1000; fi
run none in.nvt -var rotate none -var every 1 -var steps "${steps:-$single}"
run random in.nvt -var rotate random -var every 1 -var steps "${steps:-$random}"
run octahedral in.nvt -var rotate octahedral -var every 6 -var steps "${steps:-$grid}"
"$python" "$here/orientations.py" "$model" "$out" | tee "$out/table.md"
figure
