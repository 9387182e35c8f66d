#!/usr/bin/env bash
# Is energy conserved, and how fast do random rotations heat? SI Fig. 2 of arXiv:2406.17747, on our model.
#
#   examples/stability/run.sh [--long] [--model FILE] [--draw] [--steps N] [CASE ...]
#
# CASE: the cases to run; all finished ones are compared: none grid mts2 mts4 mts8 random langevin-none langevin-random.
# An interrupted run continues. The variable LENGTH: steps of a piece, a multiple of 16.
name=stability
. "$(dirname "$0")/../analysis/options.sh"

if [ -n "$long" ]; then count=20000 cheap=60000; else count=2000 cheap=2000; fi
count=${steps:-$count} cheap=${steps:-$cheap}
cases=("${others[@]}")
if [ ${#cases[@]} -eq 0 ]; then
    cases=(none random langevin-none langevin-random mts8 mts4)
    [ -z "$long" ] || cases+=(mts2 grid)
fi

# watch NAME STEPS ROTATE EVERY LANGEVIN MONITOR PIECE
watch() {
    pieces "$1" in.nve "$2" "${LENGTH:-$7}" \
        -var rotate "$3" -var every "$4" -var langevin "$5" -var monitor "$6"
}

for case in "${cases[@]}"; do
    case $case in
        none) watch none "$cheap" none 1 no 0 1600 ;;
        grid) watch grid "$count" octahedral 1 no 0 160 ;;
        mts2) watch mts2 "$count" octahedral 2 no 0 320 ;;
        mts4) watch mts4 "$count" octahedral 4 no 0 480 ;;
        mts8) watch mts8 "$count" octahedral 8 no 0 800 ;;
        random) watch random "$cheap" random 1 no 100 1600 ;;
        langevin-none) watch langevin-none "$cheap" none 1 yes 0 1600 ;;
        langevin-random) watch langevin-random "$cheap" random 1 yes 100 1600 ;;
        *) echo "run.sh does not know the case $case: see its first lines" >&2 && exit 2 ;;
    esac
done
"$python" "$here/drift.py" "$out"
"$python" "$here/tables.py" "$out/results.json" | tee "$out/expected.md"
figure
