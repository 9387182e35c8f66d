#!/usr/bin/env bash
# One run in i-PI, resumed from its checkpoint if there is one.
#
#   ipi.sh FOLDER MODEL STEPS EVERY [OPTION OF tumble ipi ...]
#
# STEPS of 0.5 fs. EVERY 1: the model, with these options, at each step. EVERY M: the bare model at each step, and at
# every M-th step the correction to the average given by the options (i-PI's multiple time stepping).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$1 model=$2 steps=$3 every=$4
shift 4
tumble=${TUMBLE:-$root/target/release/tumble}
ipi=${VENV:-$root/.venv}/bin/i-pi
[ -f "$out/$steps.done" ] && exit
[ -x "$ipi" ] || { echo "there is no $ipi: python -m pip install ipi there" >&2; exit 1; }
mkdir -p "$out"
cd "$out"
echo "i-PI: $(basename "$out")"
# Sockets are files in /tmp, shared with other runs.
address=tumble-nvt-$$
cp "$here/../ipi-mts/start.xyz" .

socket() {
    echo "<ffsocket name='$1' mode='unix' pbc='false'> <address> $address-$1 </address> <latency> 1e-4 </latency> </ffsocket>"
}
if [ "$every" = 1 ]; then
    sockets=$(socket fast) forces="<force forcefield='fast'/>" nmts='[1]'
else
    sockets="$(socket fast) $(socket slow)" nmts="[1, $every]"
    forces="<force forcefield='fast'> <mts_weights> [0, 1] </mts_weights> </force>"
    forces+=" <force forcefield='slow'> <mts_weights> [1, 0] </mts_weights> </force>"
fi
step=0
if [ -f water.checkpoint ]; then
    sed -E -e "s#tumble-nvt-[0-9]+#$address#" -e "s#<total_steps>[^<]*#<total_steps>$((steps / every))#" \
        water.checkpoint > input.xml
    step=$(sed -n 's#.*<step>\s*\([0-9]*\)\s*</step>.*#\1#p' input.xml | head -n 1)
else
    sed -e "s#FORCEFIELDS#$sockets#" -e "s#FORCES#$forces#" -e "s#NMTS#$nmts#" -e "s#STEPS#$((steps / every))#" \
        -e "s#SEED#$((1 + $(basename "$out" | cksum | cut -d " " -f 1) % 10000))#" \
        -e "s#STRIDE#$((20 / every))#" -e "s#CHECKPOINT#$((400 / every))#" \
        -e "s#TIMESTEP#$(awk "BEGIN { print $every * 0.5 }")#" "$here/input.xml" > input.xml
fi

end() {
    kill $(jobs -p) 2> /dev/null || true
    rm -f "/tmp/ipi_$address-fast" "/tmp/ipi_$address-slow"
}
trap end EXIT
trap 'exit 130' INT TERM

"$ipi" input.xml >> ipi.log 2>&1 &
if [ "$every" = 1 ]; then
    "$tumble" ipi "$model" --template start.xyz --unix "$address-fast" --step "$step" "$@" 2> fast.log &
else
    "$tumble" ipi "$model" --template start.xyz --unix "$address-fast" 2> fast.log &
    "$tumble" ipi "$model" --template start.xyz --unix "$address-slow" --correction "$@" 2> slow.log &
fi
# i-PI tells its clients when to end. If one fails, the others would wait for it.
for _ in $(jobs -p); do
    wait -n || { echo "the run stopped: see ipi.log, fast.log and slow.log in $out" >&2; exit 1; }
done
touch "$steps.done"
