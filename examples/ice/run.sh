#!/usr/bin/env bash
# Do proton-disordered cells of ice Ih keep their order by energy? The ice of arXiv:2406.17747, on our model.
#
#   examples/ice/run.sh [--long] [--model FILE] [--draw] [--steps N]        --steps: iterations of each search
#
# PYTHON needs GenIce: pip install -r examples/ice/requirements.txt
name=ice
. "$(dirname "$0")/../analysis/options.sh"

cells=9
if [ -n "$long" ]; then repeat="2 2 1"; else repeat="2 1 1"; fi
[ -f "$out/cell-$cells.data" ] || "$python" "$here/cells.py" make "$out" $cells $repeat
for cell in $(seq $cells); do
    run "cell-$cell" in.relax -var start "$out/cell-$cell.data" -var iterations "${steps:-100}"
done
"$python" "$here/cells.py" measure "$out" "$model" | tee "$out/table.md"
figure
