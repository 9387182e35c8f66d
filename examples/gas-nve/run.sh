#!/usr/bin/env bash
# One H2O and one dimer in vacuum at constant energy: Fig. 1a-c of arXiv:2406.17747, on our model.
#
#   examples/gas-nve/run.sh [--long] [--model FILE] [--draw] [--steps N]
name=gas-nve
. "$(dirname "$0")/../analysis/options.sh"

if [ -n "$long" ]; then molecule=16000 dimer=3000; else molecule=3000 dimer=600; fi
for system in h2o dimer; do
    if [ $system = h2o ]; then count=$molecule temperature=300; else count=$dimer temperature=150; fi
    count=${steps:-$count}
    for case in none:no random:no octahedral:yes icosahedral:no; do
        run "$system-${case%:*}" in.nve -var start $system.data -var temperature $temperature \
            -var rotate "${case%:*}" -var inversion "${case#*:}" -var steps "$count"
    done
    run "$system-again" in.again -var start $system.data -var trajectory "$out/$system-none/positions.dump" \
        -var rotate icosahedral -var inversion no -var every 4
done
"$python" "$here/momentum.py" "$model" "$out" | tee "$out/table.md"
figure
